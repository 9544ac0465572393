"""Every fault with two Tritons, two gateway workers, Redis and PostgreSQL: no request lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.catalogue import WITH_TWO
from tests.faults.conftest import Check
from tests.faults.fault import Fault
from tests.faults.rig_keeper import RigKeeper
from tests.real_postgres import running_postgres
from tests.real_redis import running_redis


@pytest.fixture(scope="module")
def two_tritons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RigKeeper]:
    with running_redis() as redis, running_postgres() as postgres:
        keeper = RigKeeper(
            tmp_path_factory.mktemp("two"),
            "--no-ui",
            "--gateway-workers",
            "2",
            tritons=2,
            environment=lambda: {
                "GATEWAY_REDIS_URL": redis.url,
                "GATEWAY_DATABASE_URL": postgres.new_database(),
            },
            extras={"redis": redis, "postgres": postgres},
        )
        yield keeper
        keeper.close()


@pytest.mark.parametrize("fault", WITH_TWO, ids=lambda fault: fault.name)
def test_two_tritons_lose_nothing(two_tritons: RigKeeper, fault: Fault, check: Check) -> None:
    check(two_tritons, fault)


def test_a_quiet_moment_gives_back_what_heals_left(two_tritons: RigKeeper) -> None:
    assert two_tritons.give_back() == []
