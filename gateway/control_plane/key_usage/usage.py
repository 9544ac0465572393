"""What a key has asked for; no storage here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Usage:
    """Requests for predictions, of whatever protocol; calls of administration are none."""

    requests: int = 0
    items: int = 0
    """Images and texts that came with them."""
    body_bytes: int = 0
    """Of bodies, as they were sent."""
    refused: int = 0
    """Of the requests: answered 4xx, or refused because too much was here."""

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(
            self.requests + other.requests,
            self.items + other.items,
            self.body_bytes + other.body_bytes,
            self.refused + other.refused,
        )


@dataclass(frozen=True)
class KeyUsage:
    """Of one key, as it is shown."""

    today: Usage = field(default_factory=Usage)
    """Since midnight in UTC."""
    last_30_days: Usage = field(default_factory=Usage)
    """With today."""
    last_used_at: datetime | None = None
    """For anything; None: not in the time for which usage is kept."""
