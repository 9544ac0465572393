"""Is the service ready, since when, whose key is this, which models does it offer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol

from ui.calls.identity import Identity
from ui.calls.readiness import Readiness
from ui.calls.routes import IMAGE_TASK, TEXT_TASK, Route
from ui.errors import GatewayProblem

logger = logging.getLogger(__name__)

KNOWN_TASKS = frozenset({IMAGE_TASK, TEXT_TASK})

# Routes and keys change when somebody works on them, which is rare.
SLOW_MAX_AGE = timedelta(seconds=10)


class ServiceState(Enum):
    """What the page can do now."""

    # Everything works: ask away.
    READY = "ready"
    # Nothing answers at the gateway's address, or not as a gateway does.
    GATEWAY_DOWN = "gateway down"
    # The gateway answers and says that Triton cannot.
    TRITON_NOT_READY = "triton not ready"
    # The gateway does not tell this page's key which models there are.
    MODELS_UNKNOWN = "models unknown"


@dataclass(frozen=True)
class ServiceStatus:
    """The service at one moment.

    Attributes:
        state: What the page can do.
        since: When the state began.
        reason: The gateway's own sentence on why Triton is not ready.
        problem: Why the models are unknown, or how the gateway failed to answer.
        routes: Models for pictures and texts, by the newest answer; kept while the gateway is away.
        identity: What the key may do, kept likewise; None while nobody has said.
    """

    state: ServiceState
    since: datetime
    reason: str | None = None
    problem: GatewayProblem | None = None
    routes: tuple[Route, ...] = ()
    identity: Identity | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a prediction can be asked for."""
        return self.state is ServiceState.READY

    def looks_like(self, other: ServiceStatus) -> bool:
        """Whether a page drawn for the one is right for the other, but for its banner."""
        return (self.state, self.routes, self.identity) == (
            other.state,
            other.routes,
            other.identity,
        )


class ServiceProbe(Protocol):
    """What the watch asks; each raises GatewayProblem where there is no answer."""

    def readiness(self) -> Readiness: ...  # noqa: D102 - said at ask_readiness

    def identity(self) -> Identity: ...  # noqa: D102 - said at ask_identity

    def routes(self) -> tuple[Route, ...]: ...  # noqa: D102 - said at list_routes


def utc_now() -> datetime:
    """Now, with its time zone."""
    return datetime.now(UTC)


class ServiceWatch:
    """Remembers the newest status, so that all sessions with one key ask no more often than one.

    Args:
        probe: Asked for readiness, identity and routes.
        interval_seconds: How often each page looks; an answer half as old is still good.
        now: The clock, with a time zone.
    """

    def __init__(
        self,
        probe: ServiceProbe,
        *,
        interval_seconds: float,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._probe = probe
        self._max_age = timedelta(seconds=interval_seconds / 2)
        self._now = now
        self._lock = threading.Lock()
        self._status: ServiceStatus | None = None
        self._asked_at: datetime | None = None
        self._routes: tuple[Route, ...] = ()
        self._identity: Identity | None = None
        self._slow_asked_at: datetime | None = None

    def look_anew(self) -> None:
        """Forget how old the answers are: somebody has changed something."""
        with self._lock:
            self._asked_at = self._slow_asked_at = None

    def current(self) -> ServiceStatus:
        """The newest status; asks the gateway when the last answer is too old.

        One session asks and the others wait for its answer, at most for the client's two short
        time limits.
        """
        with self._lock:
            if self._status is not None and not self._is_older(self._asked_at, self._max_age):
                return self._status
            status = self._ask()
            self._log_change(status)
            self._status, self._asked_at = status, self._now()
            return status

    def _log_change(self, status: ServiceStatus) -> None:
        if self._status is None or self._status.state is not status.state:
            why = status.problem or status.reason
            logger.warning("service state=%s why=%s", status.state.value, why)

    def _ask(self) -> ServiceStatus:
        try:
            readiness = self._probe.readiness()
        except GatewayProblem as problem:
            return self._failed(ServiceState.GATEWAY_DOWN, problem)
        problem_with_key = self._refresh_slow()
        if not readiness.is_ready:
            return ServiceStatus(
                ServiceState.TRITON_NOT_READY,
                readiness.since,
                reason=readiness.reason,
                routes=self._routes,
                identity=self._identity,
            )
        if problem_with_key is not None:
            return self._failed(ServiceState.MODELS_UNKNOWN, problem_with_key)
        return ServiceStatus(
            ServiceState.READY, readiness.since, routes=self._routes, identity=self._identity
        )

    def _refresh_slow(self) -> GatewayProblem | None:
        """Ask for identity and routes if they are unknown or old; keep them over a hiccup."""
        if self._routes and not self._is_older(self._slow_asked_at, SLOW_MAX_AGE):
            return None
        try:
            self._identity = self._probe.identity()
            routes = self._probe.routes() if self._identity.may_predict else ()
        except GatewayProblem as problem:
            if problem.needs_operator:
                self._identity = None  # the key was taken away, so what it opened is closed
            return problem if problem.needs_operator or not self._routes else None
        self._routes = tuple(route for route in routes if route.task in KNOWN_TASKS)
        self._slow_asked_at = self._now()
        return None

    def _failed(self, state: ServiceState, problem: GatewayProblem) -> ServiceStatus:
        """A status that the gateway cannot date: it began when this watch first saw it."""
        last = self._status
        since = last.since if last is not None and last.state is state else self._now()
        return ServiceStatus(
            state, since, problem=problem, routes=self._routes, identity=self._identity
        )

    def _is_older(self, moment: datetime | None, age: timedelta) -> bool:
        """Whether a moment is further away than an age; a clock set back makes it old too."""
        return moment is None or not timedelta(0) <= self._now() - moment < age
