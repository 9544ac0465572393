"""Whether the tables have the form that this gateway knows; most often they do, at a start."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

_VERSIONS: Final = Path(__file__).with_name("migrations") / "versions"


async def bring_to_newest_form(engine: AsyncEngine) -> None:
    """Migrate, if there is anything to do; the caller holds the start lock.

    Raises:
        StartRefused: the tables were made by a newer gateway.
    """
    async with engine.begin() as connection:
        await connection.run_sync(_bring)


def _bring(connection: Connection) -> None:
    if form_of(connection) == newest_form():
        return
    # Alembic takes 11 MB of each process and a tenth of its start, and seldom has anything to do.
    from gateway.control_plane.migrate import upgrade  # noqa: PLC0415 - the reason above

    upgrade(connection)


def form_of(connection: Connection) -> str | None:
    """The migration that the tables were last brought to; None: to no single one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    return str(found[0]) if len(found) == 1 else None


def newest_form() -> str:
    """The last migration there is, by the names of their files."""
    return max(file.name.split("_")[1] for file in _VERSIONS.glob("rev_*.py"))
