"""From the name that a caller uses to the release that answers."""

from __future__ import annotations

from typing import Final

from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.target import Target
from gateway.errors import UnknownAlias

_SHOWN_CHARACTERS: Final = 64


def choose_release(name: str, fleet: Fleet) -> Target:
    """Find the release behind an alias, or the live release of that name.

    Raises:
        UnknownAlias: there is none.
        InferenceUnavailable: nothing is known yet.
    """
    target = fleet.targets().get(name)
    if target is None:
        raise unknown_alias(name)
    return target


def unknown_alias(name: str) -> UnknownAlias:
    """Say that nothing has that name, and not more of it than a name may have."""
    shown = name[:_SHOWN_CHARACTERS]
    return UnknownAlias(f"there is no alias {shown!r}; GET /v1/routes lists those there are")
