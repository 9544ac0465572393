"""What a supervisor says about its Triton: the shape of /status, which the gateway reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from python_backends.shared.contract import Task


class ReleaseState(StrEnum):
    """Where one release of the desired set stands."""

    LOADING = "loading"  # its models are being loaded, or its golden inputs replayed
    READY = "ready"  # the last golden input got its golden answer
    FAILING = "failing"  # loaded once, but the last golden input did not get its answer


def utc_now() -> str:
    """The time as all of our JSON writes it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class ReleaseStatus:
    """One release as served by one Triton."""

    alias: str
    number: int
    task: Task
    promotable: bool
    max_batch_size: int
    top_k: int
    fingerprint: str = ""  # changes with the files of the release, which its name does not
    state: ReleaseState = ReleaseState.LOADING
    since: str = field(default_factory=utc_now)
    reason: str | None = None
    last_canary: str | None = None
    canary_ms: float | None = None

    def moved_to(self, state: ReleaseState, reason: str | None = None) -> ReleaseStatus:
        """The same release in a state; `since` stays while the state does."""
        since = self.since if state is self.state else utc_now()
        return replace(self, state=state, reason=reason, since=since)

    def to_json(self) -> dict[str, object]:
        """Plain values for a JSON response."""
        return asdict(self)


@dataclass(frozen=True)
class TritonStatus:
    """The server itself."""

    http: str
    grpc: str
    metrics: str
    pid: int


@dataclass(frozen=True)
class SupervisorStatus:
    """The whole answer: ready means that golden inputs got their golden answers just now."""

    ready: bool
    since: str
    reason: str | None
    triton: TritonStatus
    releases: dict[str, ReleaseStatus]

    def to_json(self) -> dict[str, object]:
        """Plain values for a JSON response."""
        return asdict(self)
