"""What a supervisor says of its Triton, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, Field, field_validator

from gateway.data_plane.routing.target import Target
from python_backends.shared.contract import Task
from triptych.routing import ReleaseName, first_routes


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
    since: str = ""
    """When that state began."""
    reason: str | None = None
    last_canary: str | None = None
    stub_deaths: int = 0
    """Of its steps, also of those that hung and were ended."""
    semver: str | None = None
    model_sha256: str = ""
    device: str = ""


class HealReport(BaseModel):
    """One thing that a supervisor has put right."""

    at: str
    cause: str
    release: str | None
    seconds: float


class SupervisorReport(BaseModel):
    """The supervisor's /status."""

    ready: bool
    since: str
    reason: str | None
    releases: dict[str, ReleaseReport]
    instance: str = ""
    """Of the supervisor's process; with another one all counters begin anew."""
    phase: str = "serving"
    heals: tuple[HealReport, ...] = ()
    """The last ones, oldest first."""

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
class Directory:
    """What can be asked for, as one or several supervisors say; worked out once, asked often."""

    first: Mapping[str, ReleaseName] = field(default_factory=dict)
    """By alias: what it means where nobody has set its route."""
    releases: Mapping[str, Target] = field(default_factory=dict)
    """By name."""

    @classmethod
    def of(cls, reports: Iterable[SupervisorReport]) -> Directory:
        """Put together what several say; of the same release, whoever is ready is believed."""
        by_trust = sorted(reports, key=lambda report: report.ready)
        named = {
            name: told
            for report in by_trust
            for it, told in report.releases.items()
            if (name := ReleaseName.parse(it))
        }
        first = first_routes(name for name, told in named.items() if told.promotable)
        return cls(first, {str(name): _target(name, told) for name, told in named.items()})


def _target(name: ReleaseName, report: ReleaseReport) -> Target:
    return Target(
        release=str(name),
        fingerprint=report.fingerprint,
        task=report.task,
        max_batch_size=report.max_batch_size,
        top_k=report.top_k,
        semver=report.semver,
        model_sha256=report.model_sha256,
        device=report.device,
    )
