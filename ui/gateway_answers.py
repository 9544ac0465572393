"""What the gateway answers: its JSON as TypedDicts, and the frozen dataclasses made from it.

Each decode function raises KeyError, TypeError or ValueError for JSON of another shape;
gateway_client turns those into AnswerNotUnderstood.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NotRequired, TypedDict

# What a route may do; the page passes over any other task.
IMAGE_TASK = "image-classification"
TEXT_TASK = "text-classification"


class ReadyBody(TypedDict):
    """GET /readyz, with status 200 or 503."""

    ready: bool
    since: str
    reason: str | None


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


class LabelBody(TypedDict):
    """One label and its probability."""

    label: str
    score: float


class TimingBody(TypedDict):
    """How long the gateway and, within it, Triton took."""

    total_ms: float
    triton_ms: float


class PredictionBody(TypedDict):
    """POST /v1/predict/{alias} for one picture or text."""

    request_id: str
    alias: str
    release: str
    predictions: list[LabelBody]
    truncated: NotRequired[bool]
    timing: TimingBody


@dataclass(frozen=True)
class Readiness:
    """Whether Triton can answer, since when, and if not, why."""

    is_ready: bool
    since: datetime
    reason: str | None


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


@dataclass(frozen=True)
class ScoredLabel:
    """A label and its probability, 0 to 1."""

    label: str
    score: float


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture or text; labels come most probable first and are never empty.

    is_truncated says that only the first part was read, because the whole was too long.
    """

    request_id: str
    alias: str
    release: str
    labels: tuple[ScoredLabel, ...]
    gateway_ms: float
    triton_ms: float
    is_truncated: bool = False


def decode_readiness(body: ReadyBody) -> Readiness:
    """Decode GET /readyz. A time without an offset is taken as UTC."""
    since = datetime.fromisoformat(body["since"])
    return Readiness(
        is_ready=body["ready"] is True,
        since=since if since.tzinfo else since.replace(tzinfo=UTC),
        reason=body.get("reason"),
    )


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


def decode_prediction(body: PredictionBody) -> Prediction:
    """Decode the answer for one picture or text."""
    labels = [
        ScoredLabel(label=str(item["label"]), score=float(item["score"]))
        for item in body["predictions"]
    ]
    if not labels:
        raise ValueError("a prediction without labels")
    return Prediction(
        request_id=str(body["request_id"]),
        alias=str(body["alias"]),
        release=str(body["release"]),
        labels=tuple(sorted(labels, key=lambda item: item.score, reverse=True)),
        gateway_ms=float(body["timing"]["total_ms"]),
        triton_ms=float(body["timing"]["triton_ms"]),
        is_truncated=body.get("truncated") is True,
    )
