"""The database or Redis is locked, gone or silent: whoever has a key goes on predicting."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, Final, Protocol

import httpx

from tests.faults.fault import Fault, Rig

# Longer than any of the gateway's pauses between two looks at the database.
_GONE_SECONDS: Final = 2.5


class _Server(Protocol):
    """What tests/real_redis.py and tests/real_postgres.py give."""

    def start(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


def _keys_can_be_made(rig: Rig) -> bool:
    """Whether the control plane has its database again."""
    url, headers = f"{rig.stack.gateway_url}/v1/admin/keys", {"X-API-Key": rig.stack.key}
    body = {"name": "fault", "scopes": ["predict"]}
    try:
        made = httpx.post(url, json=body, headers=headers, timeout=10, trust_env=False)
    except httpx.HTTPError:
        return False
    return made.status_code == 201


def _go_on(rig: Rig) -> None:
    """Let some time pass, in which every request must be answered."""
    until = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < until:
        rig.load.wait_for_answers(5)


@contextmanager
def _locked_sqlite(rig: Rig) -> Iterator[Callable[[], bool]]:
    with closing(sqlite3.connect(rig.stack.state_dir / "triptych.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        _go_on(rig)
        other.rollback()
    yield partial(_keys_can_be_made, rig)


@contextmanager
def _moved_sqlite(rig: Rig) -> Iterator[Callable[[], bool]]:
    database = rig.stack.state_dir / "triptych.db"
    away = database.with_name("triptych.db.away")
    database.rename(away)
    try:
        _go_on(rig)
    finally:
        away.replace(database)
    yield partial(_keys_can_be_made, rig)


@contextmanager
def _gone(rig: Rig, *, server: str, end: str) -> Iterator[Callable[[], bool]]:
    store: Any = rig.extras[server]
    getattr(store, end)()
    try:
        _go_on(rig)
    finally:
        store.start()
    yield partial(_keys_can_be_made, rig)


@contextmanager
def _silent(rig: Rig, *, server: str) -> Iterator[Callable[[], bool]]:
    store: _Server = rig.extras[server]
    store.pause()
    try:
        _go_on(rig)
    finally:
        store.resume()
    yield partial(_keys_can_be_made, rig)


SQLITE_FAULTS: Final = (
    Fault("SQLite locked by another process", _locked_sqlite, may_fail=0),
    Fault("SQLite file gone", _moved_sqlite, may_fail=0),
)
POSTGRES_FAULTS: Final = (
    Fault("PostgreSQL stopped", partial(_gone, server="postgres", end="stop")),
    Fault("PostgreSQL hangs", partial(_silent, server="postgres"), short_with=frozenset()),
)
REDIS_FAULTS: Final = (
    Fault("Redis killed", partial(_gone, server="redis", end="kill")),
    Fault("Redis hangs", partial(_silent, server="redis"), short_with=frozenset()),
)
