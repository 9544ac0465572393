"""How jobs stand, for Prometheus."""

from __future__ import annotations

from gateway.errors import DatabaseUnavailable
from gateway.jobs.job import ALIVE
from gateway.jobs.job_store import JobStore
from gateway.metrics import GatewayMetrics


class JobStates:
    """Reads the record of jobs, now and then.

    The workers that run them answer no HTTP, and may be what is away.

    Args:
        store: The record.
        metrics: Get what is told.
    """

    def __init__(self, store: JobStore, metrics: GatewayMetrics) -> None:
        self._store = store
        self._metrics = metrics

    async def look(self) -> None:
        """Tell what the record says now; while the database is away, what it said last."""
        try:
            tally = await self._store.tally()
        except DatabaseUnavailable:
            return  # told by /v1/admin/health
        for state in ALIVE:
            self._metrics.jobs.labels(state.value).set(tally.by_state.get(state, 0))
        self._metrics.job_items_waiting.set(tally.items_waiting)
        self._metrics.job_moved.set(tally.moved_at.timestamp() if tally.moved_at else 0)
