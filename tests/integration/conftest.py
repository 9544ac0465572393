"""One real stack without UI for all integration tests of a session; PostgreSQL and Redis too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.local_stack import LocalStack, local_stack
from gateway.control_plane.database import open_database
from tests.real_postgres import RealPostgres, running_postgres
from tests.real_redis import RealRedis, running_redis
from tests.word_votes import repository_with_words


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("stack")
    repository = repository_with_words(folder / "models")
    with local_stack(folder / "state", repository, "--no-ui") as running:
        yield running


@pytest.fixture
def gateway(stack: LocalStack) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {stack.admin_key}"}
    with httpx.Client(
        base_url=stack.gateway_url, headers=headers, timeout=20, trust_env=False
    ) as client:
        yield client


@pytest.fixture(scope="session")
def postgres() -> Iterator[RealPostgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def redis() -> Iterator[RealRedis]:
    """A server of its own for each test, because some end it."""
    with running_redis() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, one of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/keys.db"
    server: RealPostgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = await open_database(database)
    yield engine
    await engine.dispose()
