"""Why the control plane does not do what was asked. Codes are stable, statuses live elsewhere.

ControlError(GatewayError)
  RouteChanged, PreconditionRequired, RouteRefused, ReleaseNotReady, NothingToRollBack
  UnknownRelease, ReleaseInUse, ReleaseRefused
  UnknownRollout, RolloutConflict
  UnknownItem
"""

from __future__ import annotations

from gateway.errors import GatewayError


class ControlError(GatewayError):
    """Nothing was changed."""


class RouteChanged(ControlError):
    """The route is not what If-Match says any more."""

    code = "route_changed"


class PreconditionRequired(ControlError):
    """Without If-Match a change could undo somebody else's unseen."""

    code = "precondition_required"


class RouteRefused(ControlError):
    """The route makes no sense: its releases do different things, or nobody gets anything."""

    code = "route_refused"


class ReleaseNotReady(ControlError):
    """A route may name only what every Triton has, and answers rightly."""

    code = "release_not_ready"


class NothingToRollBack(ControlError):
    """The route has no earlier state."""

    code = "nothing_to_roll_back"


class UnknownRelease(ControlError):
    """No Triton has a release of that name on its disk."""

    code = "unknown_release"


class ReleaseInUse(ControlError):
    """A route names it, or somebody asks it directly."""

    code = "release_in_use"


class ReleaseRefused(ControlError):
    """A supervisor could not load it, and says why; nothing was changed for anybody else."""

    code = "release_refused"


class UnknownRollout(ControlError):
    """There is no rollout of that id."""

    code = "unknown_rollout"


class RolloutConflict(ControlError):
    """The rollout is not in a state in which that can be done, or another is under way."""

    code = "rollout_conflict"


class UnknownItem(ControlError):
    """No bytes of that disagreement are kept."""

    code = "unknown_item"
