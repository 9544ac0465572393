"""Opens the keys when the gateway starts, and closes their database when it ends."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database import open_database
from gateway.control_plane.first_keys import FirstKeys
from gateway.control_plane.keys import KeyStore
from gateway.control_plane.secret_files import read_or_create_secret
from gateway.control_plane.start_lock import start_lock
from gateway.errors import StartRefused
from gateway.settings import GatewaySettings


@dataclass(frozen=True)
class RunningKeys:
    """The keys, and the files that hold the first of them."""

    engine: AsyncEngine
    """Of the database that holds them."""
    store: KeyStore
    first: FirstKeys
    hash_secret: str = field(repr=False)
    """Under which the keys are stored; other secrets can be made of it."""


@contextlib.asynccontextmanager
async def running_keys(settings: GatewaySettings) -> AsyncIterator[RunningKeys]:
    """Bring secret, tables and first keys to the state that this gateway needs.

    Raises:
        StartRefused: a secret is open to others, or the database cannot be used.
    """
    try:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        hash_secret = read_or_create_secret(settings.state_dir / "key-hash.secret")
    except OSError as exc:
        where = settings.state_dir
        raise StartRefused(f"the state folder {where} cannot be used: {exc.strerror}") from exc
    engine = await open_database(settings.effective_database_url)
    try:
        store = KeyStore(engine, hash_secret)
        first = FirstKeys(store, settings.state_dir)
        async with start_lock(engine):
            is_own = settings.database_url is None
            await store.agree_on_secret(is_own_database=is_own)
            await first.ensure(is_own_database=is_own)
        yield RunningKeys(engine, store, first, hash_secret)
    finally:
        await engine.dispose()
