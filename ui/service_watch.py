"""Is the service ready, since when, and which models does it offer: one watch for all sessions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol

from ui.errors import GatewayProblem
from ui.gateway_answers import IMAGE_TASK, TEXT_TASK, Readiness, Route

logger = logging.getLogger(__name__)

KNOWN_TASKS = frozenset({IMAGE_TASK, TEXT_TASK})

# Routes change when somebody releases or moves traffic, which is rare.
ROUTES_MAX_AGE = timedelta(seconds=10)


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
    """

    state: ServiceState
    since: datetime
    reason: str | None = None
    problem: GatewayProblem | None = None
    routes: tuple[Route, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether a prediction can be asked for."""
        return self.state is ServiceState.READY

    def looks_like(self, other: ServiceStatus) -> bool:
        """Whether a page drawn for the one is right for the other, but for its banner."""
        return self.state is other.state and self.routes == other.routes


class ServiceProbe(Protocol):
    """What the watch asks; GatewayClient is one."""

    def readiness(self) -> Readiness: ...  # noqa: D102 - said at GatewayClient

    def routes(self) -> tuple[Route, ...]: ...  # noqa: D102 - said at GatewayClient


def utc_now() -> datetime:
    """Now, with its time zone."""
    return datetime.now(UTC)


class ServiceWatch:
    """Remembers the newest status, so that many sessions together ask no more often than one.

    Args:
        probe: Asked for readiness and routes.
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
        self._routes_asked_at: datetime | None = None

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
        problem_with_routes = self._refresh_routes()
        if not readiness.is_ready:
            return ServiceStatus(
                ServiceState.TRITON_NOT_READY,
                readiness.since,
                reason=readiness.reason,
                routes=self._routes,
            )
        if problem_with_routes is not None:
            return self._failed(ServiceState.MODELS_UNKNOWN, problem_with_routes)
        return ServiceStatus(ServiceState.READY, readiness.since, routes=self._routes)

    def _refresh_routes(self) -> GatewayProblem | None:
        """Ask for the routes if they are unknown or old; keep the known ones over a hiccup."""
        if self._routes and not self._is_older(self._routes_asked_at, ROUTES_MAX_AGE):
            return None
        try:
            routes = self._probe.routes()
        except GatewayProblem as problem:
            return problem if problem.needs_operator or not self._routes else None
        self._routes = tuple(route for route in routes if route.task in KNOWN_TASKS)
        self._routes_asked_at = self._now()
        return None

    def _failed(self, state: ServiceState, problem: GatewayProblem) -> ServiceStatus:
        """A status that the gateway cannot date: it began when this watch first saw it."""
        last = self._status
        since = last.since if last is not None and last.state is state else self._now()
        return ServiceStatus(state, since, problem=problem, routes=self._routes)

    def _is_older(self, moment: datetime | None, age: timedelta) -> bool:
        """Whether a moment is further away than an age; a clock set back makes it old too."""
        return moment is None or not timedelta(0) <= self._now() - moment < age
