"""An archive on its way lies in a file without a name, which goes with whoever has it open."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from gateway.jobs.job_errors import StorageUnavailable

_WRITTEN_AT_ONCE: Final = 1024 * 1024


@asynccontextmanager
async def spooled(pieces: AsyncIterator[bytes], folder: Path) -> AsyncIterator[IO[bytes]]:
    """Write a body down; inside, all of it is in the file.

    Threads write: a disk that has enough to do would hold up everybody else.

    Args:
        pieces: Of the body.
        folder: Made if need be.

    Raises:
        StorageUnavailable: the disk is full, or the folder cannot be written to.
    """
    file = await asyncio.to_thread(_made, folder)
    try:
        held = bytearray()
        async for piece in pieces:
            held += piece
            if len(held) >= _WRITTEN_AT_ONCE:
                await asyncio.to_thread(_write, file, held)
                held = bytearray()
        await asyncio.to_thread(_write, file, held)
        yield file
    finally:
        await asyncio.to_thread(_close, file)


@contextmanager
def disk_watched() -> Iterator[None]:
    """Say of what fails inside that the disk does not do what it is asked.

    Raises:
        StorageUnavailable: it does not.
    """
    try:
        yield
    except OSError as exc:
        raise StorageUnavailable("there is no room to look into an archive now") from exc


def _made(folder: Path) -> IO[bytes]:
    with disk_watched():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)


def _write(file: IO[bytes], held: bytes | bytearray) -> None:
    with disk_watched():
        file.write(held)
        file.flush()


def _close(file: IO[bytes]) -> None:
    # What a full disk did not take is tried once more, and is not wanted any more.
    with suppress(OSError):
        file.close()
