"""What Triton is given as its model repository: links to the immutable releases.

Triton never sees model_repository/ itself, so that later parts (TensorRT plans) can be added per
machine without touching a release.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Container, Iterable
from pathlib import Path

from triptych.errors import ReleaseBroken
from triptych.release import Release, find_releases, read_release
from triptych.routing import ReleaseName, first_routes

logger = logging.getLogger(__name__)


def read_releases(repository: Path) -> list[Release]:
    """Read every release of a repository and see that its files are there, as they were released.

    Raises:
        ReleaseBroken: there is none to promote, or one of them is incomplete or was edited.
    """
    if not repository.is_dir():
        raise ReleaseBroken(
            f"There is no model repository at {repository}; name one with --model-repository."
        )
    releases = [read_release(repository, name) for name in find_releases(repository)]
    if not any(release.promotable for release in releases):
        raise ReleaseBroken(f"{repository} holds no release that may be promoted.")
    for release in releases:
        check_files(release)
    return releases


def read_served_releases(repository: Path, excused: Container[ReleaseName]) -> list[Release]:
    """Read every release that is whole; a broken one holds up nobody unless a route names it.

    Args:
        repository: The releases.
        excused: Those that may be broken even so.

    Raises:
        ReleaseBroken: one that a route names is, or there is none to promote.
    """
    whole: list[Release] = []
    broken: dict[ReleaseName, ReleaseBroken] = {}
    promotable: list[ReleaseName] = []
    for name in find_releases(repository) if repository.is_dir() else ():
        try:
            release = read_release(repository, name)
            promotable += [name] if release.promotable else []
            check_files(release)
            whole.append(release)
        except ReleaseBroken as exc:
            broken[name] = exc
            logger.error("%s is left out: %s", name, exc)  # noqa: TRY400 - the sentence says it all
    routed = set(first_routes(promotable).values())
    for name, reason in broken.items():
        if name in routed and name not in excused:
            raise reason
    if not any(release.promotable for release in whole):
        raise ReleaseBroken(f"{repository} holds no release that may be promoted.")
    return whole


def check_files(release: Release) -> None:
    """See that every file of a release is there, as it was released.

    Raises:
        ReleaseBroken: one is missing or was edited.
    """
    for missing in release.missing_files():
        file = release.repository / missing
        raise ReleaseBroken(f"{release.name} is incomplete: {file} is missing.")
    for changed in release.changed_files():
        file = release.repository / changed
        raise ReleaseBroken(f"{release.name} was edited: {file} is not what release.json hashed.")


def build_view(view: Path, releases: Iterable[Release]) -> None:
    """Replace the view by one link per Triton model."""
    shutil.rmtree(view, ignore_errors=True)
    view.mkdir(parents=True)
    for release in releases:
        link_models(view, release.repository, release.models())


def link_models(view: Path, repository: Path, models: Iterable[str]) -> None:
    """Add links to models of a repository; those that are there already stay."""
    view.mkdir(parents=True, exist_ok=True)
    for model in models:
        link = view / model
        if not link.is_symlink():
            link.symlink_to((repository / model).resolve())
