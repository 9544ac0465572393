"""A database of one test, with every table."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database import open_database
from gateway.settings import GatewaySettings


@pytest.fixture
async def engine(settings: GatewaySettings) -> AsyncIterator[AsyncEngine]:
    """SQLite, as a gateway opens it."""
    settings.state_dir.mkdir()
    opened = await open_database(settings.effective_database_url)
    yield opened
    await opened.dispose()
