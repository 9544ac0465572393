"""A database of one test, and jobs in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database import open_database
from gateway.jobs.job_store import JobStore
from gateway.settings import GatewaySettings


class MovedClock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        """Go on."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
async def engine(settings: GatewaySettings) -> AsyncIterator[AsyncEngine]:
    """SQLite, as a gateway opens it."""
    settings.state_dir.mkdir()
    opened = await open_database(settings.effective_database_url)
    yield opened
    await opened.dispose()


@pytest.fixture
def clock() -> MovedClock:
    """Of the stores."""
    return MovedClock()


@pytest.fixture
def jobs(engine: AsyncEngine, clock: MovedClock) -> JobStore:
    """The gateway's side."""
    return JobStore(engine, clock)
