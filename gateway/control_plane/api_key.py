"""What an API key is: who it belongs to, what it may do and how much of it. No storage here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triptych.routing import ReleaseName


class Scope(StrEnum):
    """What a key may do."""

    PREDICT = "predict"
    METRICS = "metrics"
    ADMIN = "admin"  # everything, keys included


class Priority(StrEnum):
    """Who waits for an answer."""

    INTERACTIVE = "interactive"  # somebody does: a short line, or none
    BATCH = "batch"  # nobody does: a long line, and a small share of what is contended


@dataclass(frozen=True, kw_only=True)
class KeyTerms:
    """What whoever makes a key decides; None is no limit."""

    name: str
    scopes: frozenset[Scope]
    allowed: frozenset[str] | None = None
    """Aliases and releases; None is every alias."""
    priority: Priority = Priority.INTERACTIVE
    """The best that its requests may ask for."""
    expires_at: datetime | None = None
    requests_per_minute: int | None = None
    bytes_per_minute: int | None = None
    max_concurrency: int | None = None


@dataclass(frozen=True, kw_only=True)
class ApiKey(KeyTerms):
    """One key as anybody but its owner may see it."""

    id: str
    tenant: str
    """Keys of one tenant may share answers; by default a key's own id, so that none do."""
    created_at: datetime
    revoked_at: datetime | None = None
    file_mark: str | None = None
    """Tells the file that holds this key, where a first start made it."""

    def may(self, scope: Scope) -> bool:
        """Whether this key is good for that."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def may_use(self, name: str) -> bool:
        """Whether this key may ask this alias or release; it need not exist.

        An alias is free unless the key has a list. A release past its alias takes the scope admin,
        or a list that names it.
        """
        if self.allowed is not None and name in self.allowed:
            return True
        if ReleaseName.parse(name) is not None:
            return Scope.ADMIN in self.scopes
        return self.allowed is None

    def has_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and now >= self.expires_at
