"""How the latest rollout of each alias stands, for Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import Gauge

from gateway.control_plane.rollouts.rollout_store import RolloutStore
from gateway.errors import DatabaseUnavailable

# Aliases are few; an older rollout of one says nothing that a newer one does not.
_LOOKED_AT: Final = 100


class RolloutStates:
    """Reads the record of rollouts, now and then.

    The worker that drives them answers no HTTP, and may be the one that is away.

    Args:
        store: The record.
        gauge: By alias and state; seconds since 1970, 0 for a state that was left.
    """

    def __init__(self, store: RolloutStore, gauge: Gauge) -> None:
        self._store = store
        self._gauge = gauge
        self._told: set[tuple[str, str]] = set()

    async def look(self) -> None:
        """Tell what the record says now; while the database is away, what it said last."""
        try:
            rollouts = await self._store.latest(_LOOKED_AT)
        except DatabaseUnavailable:
            return  # told by /v1/admin/health
        newest = {it.alias: it for it in reversed(rollouts)}
        now = {(it.alias, it.state.value): it.changed_at.timestamp() for it in newest.values()}
        for left in self._told - now.keys():
            self._gauge.labels(*left).set(0)
        for labels, changed_at in now.items():
            self._gauge.labels(*labels).set(changed_at)
        self._told |= now.keys()
