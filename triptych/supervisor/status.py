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
    HEALING = "healing"  # a stub died or hung; what it takes to answer again is under way
    FAILING = "failing"  # loaded once, but the last golden input did not get its answer


class Phase(StrEnum):
    """What the supervisor does with its server as a whole."""

    STARTING = "starting"  # tritonserver was started; the desired set is not proven yet
    SERVING = "serving"
    DRAINING = "draining"  # still answers, but nothing new should be sent
    RESTARTING = "restarting"  # ends, to be started again
    BACKING_OFF = "backing_off"  # died so often that the next start waits
    STOPPING = "stopping"  # ends for good


class PlanPhase(StrEnum):
    """Where the TensorRT plan of a release stands."""

    WAITING = "waiting"  # for another one's build, or for the release itself to answer
    BUILDING = "building"  # by trtexec; ONNX serves
    CHECKING = "checking"  # asked the golden inputs under another name; ONNX serves
    SERVING = "serving"  # it answers
    REFUSED = "refused"  # not built, or wrong: ONNX serves, and it is not tried again


def utc_now() -> str:
    """The time as all of our JSON writes it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Heal:
    """One thing that went wrong and was put right."""

    at: str
    cause: str
    release: str | None  # None: the server as a whole
    seconds: float  # from noticing to the next golden answer


@dataclass(frozen=True)
class PlanStatus:
    """What is told of a plan."""

    phase: PlanPhase
    key: str  # names its folder
    reason: str | None = None


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
    semver: str | None = None  # None where release.json does not say
    model_sha256: str = ""  # of the model's own file
    engine: str = ""  # what its model step runs on; empty where nothing is known of the release
    plan: PlanStatus | None = None  # None where no plan is wanted, or possible
    device: str = "cpu"  # or "gpu": where Triton runs the model step, once it is loaded
    state: ReleaseState = ReleaseState.LOADING
    since: str = field(default_factory=utc_now)
    reason: str | None = None
    last_canary: str | None = None
    canary_ms: float | None = None
    stub_deaths: int = 0  # also of hung stubs that were killed; counts while the instance lives
    heals: int = 0
    last_heal: Heal | None = None

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

    http: str | None
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
    instance: str = ""  # of this supervisor process; all counters begin anew with another one
    phase: Phase = Phase.SERVING
    starts: int = 1  # of tritonserver
    restart_wanted: str | None = None  # why a restart at a quiet moment would do it good
    heals: tuple[Heal, ...] = ()  # the last ones, oldest first

    def to_json(self) -> dict[str, object]:
        """Plain values for a JSON response."""
        return asdict(self)
