"""The way to the control plane's tables. No request on the data plane comes here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.control_plane.start_lock import start_lock
from gateway.control_plane.table_form import bring_to_newest_form
from gateway.errors import StartRefused

# A database that hangs must not hold up the readers of its keys for ever.
_ANSWER_SECONDS: Final = 5.0
_ASYNC_DRIVERS: Final = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}


def database_url(url: str) -> URL:
    """Read a URL as people write it, and name the driver that this gateway has.

    Raises:
        StartRefused: it is no URL of a database that the gateway can use.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        # Without the URL: it may hold a password.
        raise StartRefused("GATEWAY_DATABASE_URL is not the URL of a database") from exc
    driver = _ASYNC_DRIVERS.get(parsed.drivername, parsed.drivername)
    if driver not in _ASYNC_DRIVERS.values():
        raise StartRefused("GATEWAY_DATABASE_URL must begin with postgresql:// or sqlite://")
    # libpq's word, which many a ready-made URL has; asyncpg's is shorter.
    if "sslmode" in parsed.query:
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed.set(drivername=driver)


def _sqlite_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": _ANSWER_SECONDS})

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _record: object) -> None:
        # The driver's own BEGIN leaves CREATE and ALTER out of the transaction.
        setattr(connection, "isolation_level", None)  # noqa: B010 - not in the protocol
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")  # readers do not wait for a writer
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:  # noqa: ANN401 - a Connection; events are untyped
        connection.exec_driver_sql("BEGIN")

    return engine


def _postgresql_engine(url: URL) -> AsyncEngine:
    limits = {"timeout": _ANSWER_SECONDS, "command_timeout": _ANSWER_SECONDS}
    # A restarted server's old connections are noticed before they are used.
    return create_async_engine(url, pool_pre_ping=True, connect_args=limits)


async def open_database(url: str) -> AsyncEngine:
    """Connect, and bring the tables to the form that this gateway knows.

    Raises:
        StartRefused: it cannot be reached, or a newer gateway has changed its tables.
    """
    parsed = database_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    engine = _sqlite_engine(parsed) if is_sqlite else _postgresql_engine(parsed)
    try:
        async with start_lock(engine):
            await bring_to_newest_form(engine)
    except (SQLAlchemyError, OSError) as exc:
        await engine.dispose()
        reason = " ".join(str(getattr(exc, "orig", exc)).split())
        where = Path(parsed.database or "") if is_sqlite else f"{parsed.host}:{parsed.port or 5432}"
        raise StartRefused(f"the database at {where} cannot be used: {reason}") from exc
    except StartRefused:
        await engine.dispose()
        raise
    return engine
