"""Items of which two releases thought differently, until they are written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

# They are written down each second; a shadow that is wrong about everything must not fill memory.
_MOST_WAITING: Final = 20
_MOST_ITEM_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Disagreement:
    """One item, and what the two made of it."""

    alias: str
    revision: int
    request_id: str
    serving: Mapping[str, Any]
    """Release, labels, scores and outcome."""
    shadow: Mapping[str, Any]
    """The same of the other."""
    item: bytes | None
    """Its bytes, where the operator wants them kept."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Disagreements:
    """Holds the first few of each second.

    Args:
        keeps_items: Whether the bytes of items may be kept.
    """

    def __init__(self, *, keeps_items: bool) -> None:
        self._keeps_items = keeps_items
        self._waiting: list[Disagreement] = []

    @property
    def has_room(self) -> bool:
        """Whether one more would be kept."""
        return len(self._waiting) < _MOST_WAITING

    def bytes_to_keep(self, item: bytes) -> bytes | None:
        """The item, if it is to be kept and small enough."""
        return item if self._keeps_items and len(item) <= _MOST_ITEM_BYTES else None

    def add(self, disagreement: Disagreement) -> None:
        """Keep one, if there is room."""
        if self.has_room:
            self._waiting.append(disagreement)

    def take(self) -> list[Disagreement]:
        """What to write down now."""
        taken, self._waiting = self._waiting, []
        return taken

    def put_back(self, disagreements: Iterable[Disagreement]) -> None:
        """Say that these were not written down after all."""
        self._waiting = [*disagreements, *self._waiting][:_MOST_WAITING]
