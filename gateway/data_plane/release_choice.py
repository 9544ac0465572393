"""From the name that a caller uses to the release that answers."""

from __future__ import annotations

from gateway.data_plane.server_health import ServerHealth
from gateway.data_plane.target import Target
from gateway.errors import UnknownAlias


def choose_release(name: str, health: ServerHealth) -> Target:
    """Find the release behind an alias, or the live release of that name.

    Raises:
        UnknownAlias: there is none.
        InferenceUnavailable: nothing is known yet.
    """
    target = health.targets().get(name)
    if target is None:
        raise UnknownAlias(f"there is no alias {name!r}; GET /v1/routes lists those that there are")
    return target
