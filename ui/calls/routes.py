"""GET /v1/routes: which aliases there are, and the releases behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, TypedDict

from ui.calls.gateway_http import Caller

# What a route may do; the page passes over any other task.
IMAGE_TASK = "image-classification"
TEXT_TASK = "text-classification"


class ArmBody(TypedDict):
    """One release behind an alias."""

    release: str
    weight: int


class RouteBody(TypedDict):
    """One alias."""

    alias: str
    task: str
    top_k: NotRequired[int]
    arms: list[ArmBody]


class RoutesBody(TypedDict):
    """GET /v1/routes."""

    routes: list[RouteBody]


@dataclass(frozen=True)
class Arm:
    """A release and its share of the traffic, relative to the other arms."""

    release: str
    weight: int


@dataclass(frozen=True)
class Route:
    """An alias, what it does, the releases behind it, and how many labels they can give.

    most_labels is None when the gateway does not say.
    """

    alias: str
    task: str
    arms: tuple[Arm, ...]
    most_labels: int | None = None


def list_routes(caller: Caller) -> tuple[Route, ...]:
    """Ask which aliases this key may use.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    return caller.look("/v1/routes", decode_routes)


def decode_routes(body: RoutesBody) -> tuple[Route, ...]:
    """Decode GET /v1/routes, in the gateway's order."""
    return tuple(
        Route(
            alias=str(route["alias"]),
            task=str(route["task"]),
            arms=tuple(
                Arm(release=str(arm["release"]), weight=int(arm["weight"])) for arm in route["arms"]
            ),
            most_labels=int(route["top_k"]) if "top_k" in route else None,
        )
        for route in body["routes"]
    )
