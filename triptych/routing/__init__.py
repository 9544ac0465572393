"""Release names, routes, and who meets which arm. Standard library only: the gateway imports it."""

from triptych.routing.names import (
    ALIAS_OR_RELEASE,
    ReleaseName,
    first_routes,
    is_alias,
    step_model,
)
from triptych.routing.route import Arm, Route, Shadow, Sticky
from triptych.routing.split import choose_arm, sticky_draw

__all__ = [
    "ALIAS_OR_RELEASE",
    "Arm",
    "ReleaseName",
    "Route",
    "Shadow",
    "Sticky",
    "choose_arm",
    "first_routes",
    "is_alias",
    "step_model",
    "sticky_draw",
]
