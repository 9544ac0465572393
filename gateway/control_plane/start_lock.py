"""One gateway at a time prepares a database: tables and first keys are made once."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import StartRefused

# Any number that no other program uses on the same database.
_ADVISORY_LOCK: Final = 0x7472697074796368 >> 1
_PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.05


@contextlib.asynccontextmanager
async def start_lock(engine: AsyncEngine) -> AsyncIterator[None]:
    """Hold what every gateway on this database waits for when it starts.

    Raises:
        StartRefused: another gateway has held it for a minute.
    """
    is_sqlite = engine.dialect.name == "sqlite"
    holding = _folder_lock(engine) if is_sqlite else _advisory_lock(engine)
    async with holding:
        yield


@contextlib.asynccontextmanager
async def _folder_lock(engine: AsyncEngine) -> AsyncIterator[None]:
    # The folder and not the file: closing any descriptor of the file ends SQLite's own locks on it.
    folder = os.open(os.path.dirname(engine.url.database or "") or ".", os.O_RDONLY)  # noqa: PTH120 - a plain string, empty for a database in memory
    try:
        async with _patience():
            while not _try_lock(folder):  # noqa: ASYNC110 - the kernel wakes no event loop
                await asyncio.sleep(_PAUSE_SECONDS)
        yield
    finally:
        os.close(folder)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.asynccontextmanager
async def _advisory_lock(engine: AsyncEngine) -> AsyncIterator[None]:
    # The lock belongs to the connection: where this gateway dies, the server takes it back.
    async with engine.connect() as connection:
        asking = select(func.pg_try_advisory_lock(_ADVISORY_LOCK))
        async with _patience():
            while not await connection.scalar(asking):
                await connection.rollback()
                await asyncio.sleep(_PAUSE_SECONDS)
        await connection.commit()
        try:
            yield
        finally:
            await connection.execute(select(func.pg_advisory_unlock(_ADVISORY_LOCK)))


@contextlib.asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            yield
    except TimeoutError as exc:
        raise StartRefused("another gateway has been preparing this database for a minute") from exc
