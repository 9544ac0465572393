"""What a route may say, given what is loaded."""

from __future__ import annotations

from gateway.control_plane.control_errors import ReleaseNotReady, RouteRefused
from gateway.data_plane.servers.fleet import Fleet
from triptych.routing import Arm, Route, is_alias


def check_route(route: Route, fleet: Fleet) -> None:
    """See that a route makes sense and can be served now.

    Raises:
        RouteRefused: it makes no sense.
        ReleaseNotReady: it names what is not loaded, or not proven, on some Triton that serves.
        InferenceUnavailable: nothing is known yet.
    """
    if not is_alias(route.alias):
        raise RouteRefused(f"{route.alias[:80]!r} cannot be an alias: a-z, 0-9 and -, 63 at most")
    named = [arm.release for arm in route.arms]
    if len(set(named)) < len(named):
        raise RouteRefused("an arm names a release that another arm names, too")
    if route.total_weight <= 0:
        raise RouteRefused("no arm has a weight above 0")
    for release in route.releases:
        _check_ready_everywhere(release, fleet)
    live = fleet.directory().releases
    tasks = {release: live[release].task for release in route.releases}
    if len(set(tasks.values())) > 1:
        told = ", ".join(f"{release} does {task}" for release, task in tasks.items())
        raise RouteRefused(f"releases of one route must do the same: {told}")


def _check_ready_everywhere(release: str, fleet: Fleet) -> None:
    lacking = fleet.lacking(release)
    if lacking:
        raise ReleaseNotReady(f"{release} is not loaded on {', '.join(lacking)}; load it first")
    check_ready_somewhere(release, fleet)


def check_ready_somewhere(release: str, fleet: Fleet) -> None:
    """See that one Triton at least has a release, and answers rightly.

    Raises:
        ReleaseNotReady: none does.
    """
    if release not in fleet.directory().releases or not fleet.has_ready(release):
        raise ReleaseNotReady(f"{release} is not ready on any Triton")


def is_served(route: Route, fleet: Fleet) -> bool:
    """Whether some Triton answers rightly for one of its arms."""
    return any(fleet.has_ready(arm.release) for arm in route.arms if arm.weight)


def promoted(route: Route, release: str | None) -> Route:
    """Give everything to one release.

    Args:
        route: What the alias means now.
        release: Who gets it; None where the route leaves no choice.

    Raises:
        RouteRefused: the route names nobody else, or several.
    """
    if release is None:
        heaviest = max(route.arms, key=lambda arm: arm.weight).release
        others = [it for it in route.releases if it != heaviest]
        if len(others) != 1:
            raise RouteRefused("name the release; the route names " + (", ".join(others) or "one"))
        (release,) = others
    is_shadow = route.shadow is not None and route.shadow.release == release
    shadow = None if is_shadow else route.shadow
    return Route(route.alias, (Arm(release, 100),), shadow, route.sticky)
