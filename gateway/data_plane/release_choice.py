"""From the name that a caller uses to the release that answers."""

from __future__ import annotations

from gateway.control_plane.keys import ApiKey, Scope
from gateway.data_plane.server_health import ServerHealth
from gateway.data_plane.target import Target
from gateway.errors import UnknownAlias


def choose_release(name: str, health: ServerHealth, key: ApiKey) -> Target:
    """Find the release behind an alias, or the live release of that name.

    Raises:
        UnknownAlias: there is none.
        InferenceUnavailable: nothing is known yet.
    """
    release = health.routes().get(name)
    if release is None and key.may(Scope.ADMIN):
        release = health.live_release(name)
    if release is None:
        raise UnknownAlias(f"there is no alias {name!r}")
    report = health.report(release)
    return Target(str(release), report.task, report.max_batch_size, report.top_k)
