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
    release = health.routes().get(name) or health.live_release(name)
    if release is None:
        raise UnknownAlias(f"there is no alias {name!r}; GET /v1/routes lists those that there are")
    report = health.report(release)
    return Target(
        str(release), report.fingerprint, report.task, report.max_batch_size, report.top_k
    )
