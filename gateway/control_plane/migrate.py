"""Brings the tables to the form that this gateway knows; nobody has to call alembic by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from gateway.errors import StartRefused

MIGRATIONS: Final = Path(__file__).with_name("migrations")
# The tables as version 0.1 made them, before there were migrations.
_RELEASED: Final = "0001"


def alembic_config() -> Config:
    """What alembic.ini would say."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "rev_%%(rev)s_%%(slug)s")
    return config


def upgrade(connection: Connection) -> None:
    """Upgrade to the newest form; the caller holds the start lock.

    Raises:
        StartRefused: the tables were made by a newer gateway.
    """
    config = alembic_config()
    config.attributes["connection"] = connection
    now = MigrationContext.configure(connection).get_current_revision()
    if now is None and inspect(connection).has_table("api_keys"):
        command.stamp(config, _RELEASED)
    if now == ScriptDirectory.from_config(config).get_current_head():
        return
    try:
        command.upgrade(config, "head")
    except CommandError as exc:
        raise StartRefused(
            f"the database has the form {now} of a newer gateway, which this one does not know"
        ) from exc
