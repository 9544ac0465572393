"""What Prometheus is told of jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.control_plane.database import open_database
from gateway.jobs.chunk_store import ChunkAnswers, ChunkStore
from gateway.jobs.job_store import JobStore
from gateway.metrics import GatewayMetrics
from gateway.monitoring.job_states import JobStates
from tests.unit.gateway.jobs.some_jobs import begun


def told(metrics: GatewayMetrics) -> dict[str, float]:
    """Each line about jobs, without what all names begin with."""
    lines = metrics.exposition().decode().splitlines()
    found = (line.removeprefix("triptych_gateway_job").rpartition(" ") for line in lines)
    return {name: float(value) for name, _, value in found if name.startswith(("s{", "_"))}


async def test_what_waits_and_how_long_nothing_moved_is_told(tmp_path: Path) -> None:
    engine = await open_database(f"sqlite:///{tmp_path}/triptych.db")
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    store, metrics = JobStore(engine, lambda: now), GatewayMetrics()
    chunks = ChunkStore(engine, "one", timedelta(seconds=15), lambda: now)
    states = JobStates(store, metrics)

    await states.look()
    assert told(metrics)["_items_waiting"] == 0
    assert told(metrics)["_moved_timestamp_seconds"] == 0

    await begun(store, 2, 3)
    begun_at, now = now, now + timedelta(seconds=60)
    await states.look()
    assert told(metrics)['s{state="queued"}'] == 1
    assert told(metrics)["_items_waiting"] == 5
    assert told(metrics)["_moved_timestamp_seconds"] == begun_at.timestamp()

    claim = await chunks.claim()
    assert claim
    await chunks.record(claim.chunk, ChunkAnswers(b"", 2, 0))
    await states.look()
    assert told(metrics)['s{state="queued"}'] == 0
    assert told(metrics)['s{state="running"}'] == 1
    assert told(metrics)["_items_waiting"] == 3
    assert told(metrics)["_moved_timestamp_seconds"] == now.timestamp()

    async with engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE jobs")
    await states.look()
    assert told(metrics)["_items_waiting"] == pytest.approx(3)
    await engine.dispose()
