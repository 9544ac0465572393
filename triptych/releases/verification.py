"""Is a release still what was released, and does it still answer so? Hashes and golden inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed
from triptych.release import Release
from triptych.routing import ReleaseName
from triptych.stack.solo_triton import solo_triton
from triptych.supervisor.canary import replay_golden

# The first inference of a release may have to allocate; a canary's deadline is for a warm one.
_REPLAY_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Replayed:
    """How the served release answered its golden inputs; one sentence per wrong answer."""

    right: int
    asked: int
    problems: tuple[str, ...] = ()


def check_bytes(release: Release) -> list[str]:
    """What is not as release.json says, one sentence each."""
    return [
        *(f"{file} is missing" for file in release.missing_files()),
        *(f"{file} is not what release.json hashed" for file in release.changed_files()),
        *(f"{file} is not named in release.json" for file in release.unknown_files()),
    ]


def replay_all(repository: Path, releases: Sequence[Release]) -> dict[ReleaseName, Replayed]:
    """Serve releases with a Triton of one's own and send all their golden inputs.

    One that Triton cannot load must not keep the others from being asked: they are then served one
    at a time.

    Raises:
        EnvironmentUnfit: Triton cannot be started here.
        StartFailed: Triton does not start.
    """
    if not releases:
        return {}
    try:
        with solo_triton(repository, [release.name for release in releases]) as triton:
            return {release.name: replay(triton, release) for release in releases}
    except CallFailed as exc:
        if len(releases) == 1:
            (release,) = releases
            return {release.name: Replayed(0, len(release.golden), (str(exc),))}
    found: dict[ReleaseName, Replayed] = {}
    for release in releases:
        found |= replay_all(repository, [release])
    return found


def replay(triton: TritonConnection, release: Release) -> Replayed:
    """Send every golden input of a loaded release."""
    results = [
        replay_golden(triton, release, golden, timeout_seconds=_REPLAY_SECONDS)
        for golden in release.golden
    ]
    problems = tuple(result.reason for result in results if result.reason)
    return Replayed(len(results) - len(problems), len(results), problems)
