"""What Triton is given as its model repository: links to the immutable releases.

Triton never sees model_repository/ itself, so that later parts (TensorRT plans) can be added per
machine without touching a release.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from triptych.errors import ReleaseBroken
from triptych.release import Release, find_releases, read_release
from triptych.routing import ReleaseName
from triptych.supervisor.desired_set import ByHand

logger = logging.getLogger(__name__)


def read_served_releases(repository: Path, by_hand: ByHand) -> list[Release]:
    """Read what is served without anybody having loaded it, and see that its files are whole.

    Every other release is not looked into: it is when somebody loads it, and holds up nobody now.
    One whose release.json cannot be read is left out, and no later one takes its place.

    Args:
        repository: The releases.
        by_hand: What was loaded is left out here, too: it may be broken.

    Raises:
        ReleaseBroken: one of them is, or there is none to promote and nobody unloaded any.
    """
    if not repository.is_dir():
        raise ReleaseBroken(
            f"There is no model repository at {repository}; name one with --model-repository."
        )
    readable: dict[ReleaseName, Release] = {}
    broken: dict[ReleaseName, ReleaseBroken] = {}
    for name in find_releases(repository):
        try:
            readable[name] = read_release(repository, name)
        except ReleaseBroken as exc:
            broken[name] = exc
            logger.error("%s is left out: %s", name, exc)  # noqa: TRY400 - the sentence says it all
    promotable = [name for name, release in readable.items() if release.promotable]
    if not promotable and by_hand.is_empty:
        for reason in broken.values():
            raise reason
        raise ReleaseBroken(f"{repository} holds no release that may be promoted.")
    unasked = by_hand.served_unasked([*promotable, *broken]) - by_hand.loaded.keys()
    served = [readable[name] for name in sorted(unasked & readable.keys())]
    for release in served:
        check_files(release)
    return served


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
    """Have a view show models of a repository, and nothing else under their names."""
    view.mkdir(parents=True, exist_ok=True)
    for model in models:
        link(view / model, (repository / model).resolve())


def link(name: Path, to: Path) -> None:
    """Have a link lead somewhere, from one moment to the next."""
    if name.is_symlink() and name.readlink() == to:
        return
    part = name.with_name(f".{name.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(to)
    part.replace(name)
