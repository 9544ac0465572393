"""Which release a caller's model name means: an alias, or for some keys a live release."""

from __future__ import annotations

from gateway.control_plane.keys import ApiKey, Scope
from gateway.data_plane.server_health import ReleaseReport, ServerHealth
from gateway.errors import UnknownAlias
from triptych.routing import ReleaseName


def choose_release(
    name: str, health: ServerHealth, key: ApiKey
) -> tuple[ReleaseName, ReleaseReport]:
    """Find the release behind a name.

    Args:
        name: As the caller wrote it.
        health: Knows the routes and what is served.
        key: Who asks.

    Raises:
        UnknownAlias: neither an alias nor a release that this key may name.
        InferenceUnavailable: nothing is known of Triton yet.
    """
    release = health.routes().get(name)
    if release is None and key.may(Scope.ADMIN):
        release = ReleaseName.parse(name)
    report = health.find(release) if release else None
    if release is None or report is None:
        raise UnknownAlias(f"there is no alias {name!r}")
    return release, report
