"""For maintainers: write the migration that leads from the newest one to today's models."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.control_plane.database import open_database
from gateway.control_plane.migrate import alembic_config


def _write(connection: Connection, message: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    head = ScriptDirectory.from_config(config).get_current_head() or "0000"
    command.revision(config, message, autogenerate=True, rev_id=f"{int(head) + 1:04d}")


async def write_migration(message: str) -> None:
    """Compare an empty, migrated SQLite with the models and write the difference."""
    with TemporaryDirectory() as folder:
        engine = await open_database(f"sqlite:///{Path(folder) / 'empty.db'}")
        async with engine.begin() as connection:
            await connection.run_sync(_write, message)
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(write_migration(" ".join(sys.argv[1:]) or "change"))
