"""What the supervisor last said of its Triton, and for how long it has been so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from pydantic import BaseModel, Field, ValidationError, field_validator

from gateway.data_plane.target import Target
from gateway.errors import InferenceUnavailable
from python_backends.shared.contract import Task
from triptych.routing import ReleaseName, first_routes

logger = logging.getLogger(__name__)


class ReleaseReport(BaseModel):
    """One release in the supervisor's /status; fields that the gateway does not use are ignored."""

    task: Task
    promotable: bool
    max_batch_size: int = Field(ge=1)
    top_k: int = Field(ge=1)
    fingerprint: str = ""
    """Of the release's files; an older supervisor does not tell it."""
    state: str = "ready"
    """The last golden input got its golden answer; anything else is not ready."""


class SupervisorReport(BaseModel):
    """The supervisor's /status."""

    ready: bool
    since: str
    reason: str | None
    releases: dict[str, ReleaseReport]

    @field_validator("releases", mode="before")
    @classmethod
    def _leave_out_unknown_tasks(cls, releases: object) -> object:
        """A newer supervisor may serve what we cannot ask for; the rest must stay routable."""
        if not isinstance(releases, dict):
            return releases
        return {name: it for name, it in releases.items() if not _has_unknown_task(it)}


def _has_unknown_task(report: object) -> bool:
    match report:
        case {"task": str(task)}:
            return task not in set(Task)
        case _:
            return False


@dataclass(frozen=True)
class Verdict:
    """Whether the service answers, and rightly."""

    is_ready: bool
    since: str
    reason: str | None


@dataclass(frozen=True)
class _Word:
    """What the supervisor said, and what follows from it; worked out once, asked often."""

    said: SupervisorReport
    routes: Mapping[str, ReleaseName]
    targets: Mapping[str, Target]

    @classmethod
    def of(cls, said: SupervisorReport) -> _Word:
        named = {
            name: report for it, report in said.releases.items() if (name := ReleaseName.parse(it))
        }
        routes = first_routes(name for name, report in named.items() if report.promotable)
        releases = {str(name): _target(name, report) for name, report in named.items()}
        aliases = {alias: releases[str(name)] for alias, name in routes.items()}
        return cls(said, routes, releases | aliases)


def _target(name: ReleaseName, report: ReleaseReport) -> Target:
    return Target(str(name), report.fingerprint, report.task, report.max_batch_size, report.top_k)


class ServerHealth:
    """Looks at one supervisor now and then; every question is answered from memory.

    Args:
        client: Reaches the supervisor; its base URL is the supervisor's.
        max_age_seconds: A word older than this counts as silence.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        max_age_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._word: _Word | None = None
        self._heard_at = -max_age_seconds
        self._silent_since = _utc_now()
        self._trouble: str | None = None

    async def refresh(self) -> None:
        """Ask the supervisor once; silence is remembered, never raised."""
        try:
            response = await self._client.get("/status")
            self._word = _Word.of(SupervisorReport.model_validate_json(response.content))
            self._heard_at, self._silent_since = self._clock(), _utc_now()
            self._note(None)
        except (httpx.HTTPError, ValidationError) as exc:
            self._note(repr(exc))

    def _note(self, trouble: str | None) -> None:
        """Log only what changes; the question is asked twice a second."""
        if trouble != self._trouble:
            logger.warning("supervisor: %s", trouble or "answers again")
        self._trouble = trouble

    def verdict(self) -> Verdict:
        """Whether golden inputs got their golden answers within the last seconds."""
        if self._word is None or self._is_silent():
            return Verdict(False, self._silent_since, "Triton's supervisor does not answer")
        said = self._word.said
        return Verdict(said.ready, said.since, said.reason)

    def routes(self) -> Mapping[str, ReleaseName]:
        """Which release each alias means; known even while Triton is down.

        Raises:
            InferenceUnavailable: the supervisor has not said so once since the gateway started.
        """
        return self._heard().routes

    def targets(self) -> Mapping[str, Target]:
        """What can be asked, by alias and by the name of each live release.

        Raises:
            InferenceUnavailable: the supervisor has not said so once since the gateway started.
        """
        return self._heard().targets

    def has_ready(self, release: str) -> bool:
        """Whether this one release got its golden answers within the last seconds."""
        report = self._heard().said.releases.get(release)
        return report is not None and report.state == "ready" and not self._is_silent()

    def _is_silent(self) -> bool:
        return self._clock() - self._heard_at > self._max_age_seconds

    def _heard(self) -> _Word:
        if self._word is None:
            raise InferenceUnavailable(
                "Triton's supervisor has not yet said what can be asked; try again in a second"
            )
        return self._word


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
