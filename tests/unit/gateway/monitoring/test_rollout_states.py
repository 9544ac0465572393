"""What Prometheus is told of rollouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.control_plane.audit import TRIPTYCH, Deed
from gateway.control_plane.database import open_database
from gateway.control_plane.rollouts.rollout import Rollout, RolloutState
from gateway.control_plane.rollouts.rollout_store import RolloutStore
from gateway.errors import DatabaseUnavailable
from gateway.metrics import GatewayMetrics
from gateway.monitoring.rollout_states import RolloutStates
from gateway.rollouts.terms import RolloutTerms

NAME = "triptych_gateway_rollout_changed_timestamp_seconds"


def told(metrics: GatewayMetrics) -> dict[str, float]:
    """State -> seconds, of the alias digits."""
    found = {}
    for line in metrics.exposition().decode().splitlines():
        if line.startswith(f'{NAME}{{alias="digits"'):
            labels, _, value = line.rpartition(" ")
            found[labels.partition('state="')[2].rstrip('"}')] = float(value)
    return found


async def begin(store: RolloutStore) -> Rollout:
    deed = Deed(TRIPTYCH, "rollout.start", "digits")
    return await store.start(deed, stable="digits_r1", candidate="digits_r2", terms=RolloutTerms())


async def test_the_latest_rollout_of_an_alias_is_told_by_its_state(tmp_path: Path) -> None:
    engine = await open_database(f"sqlite:///{tmp_path}/triptych.db")
    store, metrics = RolloutStore(engine), GatewayMetrics()
    states = RolloutStates(store, metrics.rollout_changed)

    await states.look()
    assert told(metrics) == {}

    first = await begin(store)
    await states.look()
    assert told(metrics) == {"loading": pytest.approx(first.changed_at.timestamp(), abs=1)}

    await store.note(first, "it is broken", state=RolloutState.FAILED)
    await states.look()
    failed = (await store.get(first.id)).changed_at.timestamp()
    assert told(metrics) == {"loading": 0, "failed": pytest.approx(failed, abs=1)}

    await begin(store)
    await states.look()
    assert told(metrics)["failed"] == 0
    assert told(metrics)["loading"] > 0
    await engine.dispose()


class NoStore(RolloutStore):
    """A store whose database is away."""

    def __init__(self) -> None:
        pass

    async def latest(self, *_: object, **__: object) -> list[Rollout]:
        raise DatabaseUnavailable("away")


async def test_while_the_database_is_away_what_was_told_stays() -> None:
    metrics = GatewayMetrics()
    metrics.rollout_changed.labels("digits", "running").set(7)

    await RolloutStates(NoStore(), metrics.rollout_changed).look()

    assert told(metrics) == {"running": 7}
