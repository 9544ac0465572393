"""A ZIP or TAR as items of a job: written down as it comes, then read member by member."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final

from gateway.jobs.intake.chunk_writer import ChunkWriter
from gateway.jobs.intake.job_forms import JobForm
from gateway.jobs.intake.spool import disk_watched, spooled
from gateway.jobs.intake.tar_items import tar_gz_items, tar_items
from gateway.jobs.intake.unpack_limits import UnpackLimits
from gateway.jobs.intake.zip_items import zip_items
from gateway.jobs.payload import CHUNK_BYTES, CHUNK_ITEMS, JobItem
from gateway.settings import GatewaySettings

_READ: Final[dict[JobForm, Callable[[IO[bytes], UnpackLimits], Iterator[JobItem]]]] = {
    JobForm.ZIP: zip_items,
    JobForm.TAR: tar_items,
    JobForm.TAR_GZ: tar_gz_items,
}
ARCHIVES: Final = frozenset(_READ)
# Threads of their own: an archive that is nothing but members that are left out keeps one for
# seconds, and the few that the event loop has are also those of predictions and of answers.
_READERS: Final = ThreadPoolExecutor(2, thread_name_prefix="archive")


async def take_archive(
    form: JobForm, pieces: AsyncIterator[bytes], writer: ChunkWriter, settings: GatewaySettings
) -> None:
    """Take the files of an archive as items.

    It is written down first also where it could be read as it comes: the threads that read are
    few, and one that waits for a slow client would be missed by everybody.

    Args:
        form: One of ARCHIVES.
        pieces: Of the body.
        writer: Takes the items.
        settings: Say how much may come, and where the archive lies meanwhile.

    Raises:
        MalformedArchive: it cannot be read to its end, or unpacks to too much.
        StorageUnavailable: the disk is full.
        GatewayError: as of ChunkWriter.
    """
    async with spooled(pieces, uploads_folder(settings)) as file:
        limits = UnpackLimits.of(
            file.seek(0, os.SEEK_END),
            max_items=settings.job_max_items,
            max_bytes=settings.job_max_bytes,
            max_item_bytes=settings.max_image_bytes,
        )
        file.seek(0)
        items = _READ[form](file, limits)
        loop = asyncio.get_running_loop()
        while part := await loop.run_in_executor(_READERS, _part, items):
            for item in part:
                await writer.add(item)


def uploads_folder(settings: GatewaySettings) -> Path:
    """Where archives lie while they are looked into."""
    return settings.state_dir / "uploads"


def _part(items: Iterator[JobItem]) -> Sequence[JobItem]:
    """As many as make a chunk; the last one may be large."""
    part: list[JobItem] = []
    size_bytes = 0
    with disk_watched():
        for item in items:
            part.append(item)
            size_bytes += len(item.content)
            if len(part) == CHUNK_ITEMS or size_bytes >= CHUNK_BYTES:
                break
    return part
