"""Looks through the sources of jobs; one worker at a time, the one that has the lease."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.jobs.chunk_store import ChunkStore
from gateway.jobs.job import Chunk, Job
from gateway.jobs.job_errors import StorageUnavailable
from gateway.jobs.job_rows import utc_now
from gateway.jobs.payload import (
    CHUNK_BYTES,
    CHUNK_ITEMS,
    ItemReference,
    ReferencedItems,
    pack_references,
)
from gateway.jobs.payload_shelf import PayloadShelf
from gateway.jobs.runner.sources import Sources, TooManyItems, UnusableSource

logger = logging.getLogger(__name__)

# For a source that is not there.
_PATIENCE: Final = timedelta(days=1)


class Listing:
    """Makes chunks of what sources hold.

    Args:
        chunks: Take them.
        sources: Are looked through.
        shelf: Keeps the references.
        max_items: Of one job.
        clock: The time in UTC.
    """

    def __init__(
        self,
        chunks: ChunkStore,
        sources: Sources,
        shelf: PayloadShelf,
        *,
        max_items: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._chunks = chunks
        self._sources = sources
        self._shelf = shelf
        self._max_items = max_items

    async def look(self) -> None:
        """Do what there is to do.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        for job in await self._chunks.to_be_listed():
            try:
                await self._list(job)
            except StorageUnavailable as exc:
                logger.warning("job %s waits: %s", job.id, exc)
                if self._clock() - job.created_at > _PATIENCE:
                    await self._chunks.fail(job.id, str(exc))
            except KeyError:
                await self._chunks.fail(job.id, "its source is not allowed any more")
            except (TooManyItems, UnusableSource) as exc:
                await self._chunks.fail(job.id, str(exc))

    async def _list(self, job: Job) -> None:
        source = job.terms.source
        assert source is not None  # noqa: S101 - only such jobs are to be listed
        found = await self._sources.listed(source.source, source.prefix, self._max_items)
        chunks, size_bytes, first = [], 0, 0
        for number, part in enumerate(parts_of(found)):
            packed = pack_references(ReferencedItems(source.source, tuple(part)))
            await self._shelf.put(job.id, number, packed)
            chunks.append(Chunk(job.id, number, first, len(part)))
            size_bytes, first = size_bytes + len(packed), first + len(part)
        await self._chunks.listed(job.id, chunks, size_bytes)


def parts_of(found: Sequence[ItemReference]) -> Iterator[Sequence[ItemReference]]:
    """As many as make a chunk, whose contents are in memory at once."""
    part: list[ItemReference] = []
    size_bytes = 0
    for it in found:
        if part and (len(part) == CHUNK_ITEMS or size_bytes + it.size_bytes > CHUNK_BYTES):
            yield part
            part, size_bytes = [], 0
        part.append(it)
        size_bytes += it.size_bytes
    if part:
        yield part
