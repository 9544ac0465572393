"""Usage in memory, counted as requests end; others write it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from gateway.control_plane.key_usage.usage import Usage
from gateway.request_context import RequestRecord


class KeyDay(NamedTuple):
    """What is counted apart."""

    key_id: str
    day: date
    """In UTC."""


@dataclass(frozen=True)
class Counted:
    """What one key did on one day, since it was last written down."""

    usage: Usage
    last_used_at: datetime

    def __add__(self, other: Counted) -> Counted:
        """Both together."""
        return Counted(self.usage + other.usage, max(self.last_used_at, other.last_used_at))


class UsageCounts:
    """Of one process; as many entries as keys were used since the last `take`."""

    def __init__(self) -> None:
        self._counts: dict[KeyDay, Counted] = {}

    def add(self, known: RequestRecord, *, is_prediction: bool, is_refused: bool) -> None:
        """Count a request that has ended; one without a key is nobody's.

        Args:
            known: What is known of it.
            is_prediction: Whether it asked a model; else it only tells that the key is in use.
            is_refused: Whether the gateway would not do it.
        """
        if not known.key_id:
            return
        at = datetime.fromtimestamp(known.arrived_ns / 1e9, UTC)
        usage = Usage()
        if is_prediction:
            items = known.images + known.texts
            usage = Usage(1, items, known.body_bytes, int(is_refused))
        self._add(KeyDay(known.key_id, at.date()), Counted(usage, at))

    def take(self) -> Mapping[KeyDay, Counted]:
        """What has come together; counting begins anew."""
        taken, self._counts = self._counts, {}
        return taken

    def put_back(self, taken: Mapping[KeyDay, Counted]) -> None:
        """Say that this was not written down after all."""
        for key_day, counted in taken.items():
            self._add(key_day, counted)

    def _add(self, key_day: KeyDay, counted: Counted) -> None:
        before = self._counts.get(key_day)
        self._counts[key_day] = counted if before is None else before + counted
