"""Adds one release to what is served, once it has proven itself; a failure changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from triptych.errors import CallFailed, LoadRefused, ReleaseNameInvalid
from triptych.release import Release, read_release
from triptych.routing import ReleaseName, first_routes
from triptych.stack.serving_view import check_files, link_models
from triptych.stack.settings import StackSettings
from triptych.supervisor.canary import CanaryResult
from triptych.supervisor.live_triton import LiveTriton
from triptych.supervisor.status import ReleaseState, ReleaseStatus, utc_now
from triptych.supervisor.status_board import first_status

logger = logging.getLogger(__name__)

_UNLOAD_SECONDS = 30.0


def read_certificate(settings: StackSettings, name: ReleaseName) -> Release:
    """Read a release; its files are not looked at.

    Raises:
        ReleaseNameInvalid: there is none of that name on disk.
        ReleaseBroken: its release.json cannot be read.
    """
    repository = settings.model_repository
    if not (repository / str(name)).is_dir():
        raise ReleaseNameInvalid(f"There is no release {name} in {repository}.")
    return read_release(repository, name)


def read_from_disk(settings: StackSettings, name: ReleaseName) -> Release:
    """Read a release and see that its files are as they were released.

    Raises:
        ReleaseNameInvalid: there is none of that name on disk.
        ReleaseBroken: its files are not what was released.
    """
    release = read_certificate(settings, name)
    check_files(release)
    return release


def load_and_prove(live: LiveTriton, settings: StackSettings, release: Release) -> ReleaseStatus:
    """Load a release that is not served yet, and prove it; one that fails is unloaded again.

    Raises:
        CallFailed: Triton cannot load it.
        LoadRefused: a golden input did not get its golden answer.
    """
    link_release(settings, release)
    try:
        result = live.bring_up(release)
    except CallFailed:
        clear_away(live, release)  # some of its steps may be up
        raise
    if result.reason:
        clear_away(live, release)
        raise LoadRefused(f"{release.name} is not served, because {result.reason}.")
    logger.info("release %s was loaded and is ready", release.name)
    return replace(proven_status(release, result), device=live.device(release))


def switch_engine(live: LiveTriton, release: Release) -> None:
    """Have a release that is served run on another engine; what it ran on stays if that fails.

    Raises:
        CallFailed: Triton cannot load it.
        LoadRefused: a golden input did not get its golden answer.
    """
    result = live.switch_engine(release)
    if result.reason:
        raise LoadRefused(f"{release.name} stays on its engine, because {result.reason}.")
    logger.info("release %s runs on %s", release.name, release.engine)


def link_release(settings: StackSettings, release: Release) -> None:
    """Show it to Triton."""
    link_models(settings.serving_dir, release.repository, release.models())


def unload(live: LiveTriton, release: Release) -> None:
    """Take a release that is served out of Triton's memory; what is in flight is finished.

    Raises:
        CallFailed: Triton cannot unload it.
    """
    live.connection.unload(str(release.name), _UNLOAD_SECONDS)
    _unload_steps(live, release)


def clear_away(live: LiveTriton, release: Release) -> None:
    """Take what did not come up out of Triton's memory, if it can be."""
    try:
        live.connection.unload(str(release.name), _UNLOAD_SECONDS)
    except CallFailed as exc:
        logger.warning("%s stays in memory: %s", release.name, exc)
    _unload_steps(live, release)


def _unload_steps(live: LiveTriton, release: Release) -> None:
    for step in release.models()[:-1]:  # where the ensemble never came up, they have no owner
        with suppress(CallFailed):
            live.connection.unload(step, _UNLOAD_SECONDS)


def check_moves_no_traffic(release: Release, served: Iterable[Release]) -> None:
    """Where nobody has set its route, an alias means its lowest number: a lower one takes over.

    Raises:
        LoadRefused: it would.
    """
    routes = first_routes(it.name for it in served if it.promotable)
    routed = routes.get(release.name.alias)
    if routed and release.promotable and release.name < routed:
        raise LoadRefused(
            f"{release.name} would take the traffic of {release.name.alias} from {routed}, "
            "and a load moves none; load it through the gateway, which keeps the route."
        )


def proven_status(release: Release, result: CanaryResult) -> ReleaseStatus:
    """A release that has just answered all its golden inputs."""
    return replace(
        first_status(release).moved_to(ReleaseState.READY),
        last_canary=utc_now(),
        canary_ms=round(result.duration_ms, 2),
    )
