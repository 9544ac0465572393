"""What lies in a model repository, as a list and one release at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import ReleaseBroken, ReleaseNameInvalid
from triptych.release import Release, find_releases, read_release
from triptych.routing import ReleaseName, first_routes


@dataclass(frozen=True)
class Catalogue:
    """Everything that looks like a release.

    Attributes:
        repository: Where.
        releases: Those that can be read, by name and number.
        broken: Why each of the others cannot.
    """

    repository: Path
    releases: tuple[Release, ...]
    broken: Mapping[ReleaseName, str]

    def routed(self) -> set[ReleaseName]:
        """What each alias routes to after a start: the first promotable release of its name."""
        return set(first_routes(it.name for it in self.releases if it.promotable).values())

    def find(self, text: str) -> Release:
        """Look a release up by its name with its number.

        Raises:
            ReleaseNameInvalid: there is none of that name.
            ReleaseBroken: it cannot be read.
        """
        for release in self.releases:
            if str(release.name) == text:
                return release
        for name, reason in self.broken.items():
            if str(name) == text:
                raise ReleaseBroken(reason)
        raise ReleaseNameInvalid(
            f"There is no release {text!r} in {self.repository}; there are: {self._names()}."
        )

    def _names(self) -> str:
        names = sorted([*(release.name for release in self.releases), *self.broken])
        return ", ".join(map(str, names)) or "none"


def read_catalogue(repository: Path) -> Catalogue:
    """Read every release; files are not looked at.

    Raises:
        ReleaseBroken: there is no such repository.
    """
    if not repository.is_dir():
        raise ReleaseBroken(
            f"There is no model repository at {repository}; name one with --model-repository."
        )
    releases, broken = [], {}
    for name in sorted(find_releases(repository)):
        try:
            releases.append(read_release(repository, name))
        except ReleaseBroken as exc:
            broken[name] = str(exc)
    return Catalogue(repository, tuple(releases), broken)


def summarise(release: Release, routed: Iterable[ReleaseName]) -> dict[str, object]:
    """One release in a few fields, JSON-able."""
    certificate = release.certificate
    return {
        "name": str(release.name),
        "semver": certificate.semver,
        "task": release.task.value,
        "precision": certificate.precision,
        "promotable": release.promotable,
        "forced": certificate.is_forced,
        "routed": release.name in set(routed),
        "classes": len(certificate.labels),
        "size_bytes": release.size_bytes(),
        "created": certificate.created,
    }


def describe(release: Release, routed: Iterable[ReleaseName]) -> dict[str, object]:
    """One release with everything that its certificate tells, JSON-able."""
    certificate = release.certificate
    return {
        **summarise(release, routed),
        "git_commit": certificate.git_commit,
        "source": dict(certificate.source),
        "transform": dict(certificate.transform),
        "labels": list(certificate.labels),
        "top_k": release.top_k,
        "max_batch_size": release.max_batch_size,
        "golden": len(release.golden),
        "parity": None if certificate.parity is None else dict(certificate.parity),
        "accuracy": accuracies(certificate.metrics),
    }


def accuracies(metrics: Mapping[str, object]) -> dict[str, float]:
    """What the metrics say of accuracy, by the name of what was measured."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        match value:
            case {"accuracy": int() | float() as accuracy}:
                found[name] = float(accuracy)
            case int() | float() if name == "accuracy":
                found[name] = float(value)
    return found
