"""POST /v1/predict/{alias}: what a picture or a text is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NotRequired, Protocol, TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Body, Caller, decoded
from ui.calls.waterfall import Waterfall, read_server_timing


class Given(Protocol):
    """What a person asks about: EncodedImage and WrittenText are such."""

    @property
    def content_type(self) -> str: ...  # noqa: D102 - said at EncodedImage

    @property
    def data(self) -> bytes: ...  # noqa: D102 - said at EncodedImage


class LabelBody(TypedDict):
    """One label and its probability."""

    label: str
    score: float


class TimingBody(TypedDict):
    """How long the gateway and, within it, Triton took."""

    total_ms: float
    triton_ms: float


class RouteTakenBody(TypedDict):
    """How the request came to its release."""

    arm: str
    revision: int | None


class ProvenanceBody(TypedDict):
    """What has answered."""

    model_sha256: str
    device: str
    semver: NotRequired[str]
    cache: NotRequired[str]


class PredictionBody(TypedDict):
    """POST /v1/predict/{alias} for one picture or text."""

    request_id: str
    alias: str
    release: str
    route: NotRequired[RouteTakenBody]
    provenance: NotRequired[ProvenanceBody]
    predictions: list[LabelBody]
    truncated: NotRequired[bool]
    timing: TimingBody


@dataclass(frozen=True)
class ScoredLabel:
    """A label and its probability, 0 to 1."""

    label: str
    score: float


@dataclass(frozen=True)
class Origin:
    """How a request came to its release, and what that is; empty where nobody has told.

    Attributes:
        arm: As the route calls it; the release's name where it has no other.
        revision: Of the route; None where the request named a release.
        model_sha256: First digits of the hash of the model's file.
        device: `cpu` or `gpu`.
        semver: Where the release was given one.
        cache: `hit` or `miss`, where a cache is on.
    """

    arm: str = ""
    revision: int | None = None
    model_sha256: str = ""
    device: str = ""
    semver: str = ""
    cache: str = ""


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture or text; labels come most probable first and are never empty.

    Attributes:
        is_truncated: Only the first part was read, because the whole was too long.
        origin: Who answered.
        timing: What the answer's headers tell of its time; None where they tell nothing.
    """

    request_id: str
    alias: str
    release: str
    labels: tuple[ScoredLabel, ...]
    gateway_ms: float
    triton_ms: float
    is_truncated: bool = False
    origin: Origin = Origin()
    timing: Waterfall | None = None


def predict(
    caller: Caller, given: Given, *, alias: str, top_k: int, is_traced: bool = False
) -> Prediction:
    """Ask what a picture or a text is.

    Args:
        caller: Whom to ask.
        given: Sent as it is; the ensemble decodes it.
        alias: Which model to ask, as named by the routes, or a release by its name.
        top_k: How many labels to answer, 1 or more.
        is_traced: Whether to have it traced, for keys that may: others are refused.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer to show.
    """
    response = caller.fetch(
        "POST",
        f"/v1/predict/{quote(alias, safe='')}",
        query={"top_k": top_k},
        body=Body(given.data, given.content_type),
        headers={"X-Trace": "1"} if is_traced else None,
    )
    timing = read_server_timing(response.headers.get("Server-Timing", ""))
    return replace(decoded(response, decode_prediction), timing=timing)


def decode_prediction(body: PredictionBody) -> Prediction:
    """Decode the answer for one picture or text."""
    labels = [
        ScoredLabel(label=str(item["label"]), score=float(item["score"]))
        for item in body["predictions"]
    ]
    if not labels:
        raise ValueError("a prediction without labels")
    if not all(math.isfinite(item.score) for item in labels):
        raise ValueError("a score that is no number")
    return Prediction(
        request_id=str(body["request_id"]),
        alias=str(body["alias"]),
        release=str(body["release"]),
        labels=tuple(sorted(labels, key=lambda item: item.score, reverse=True)),
        gateway_ms=float(body["timing"]["total_ms"]),
        triton_ms=float(body["timing"]["triton_ms"]),
        is_truncated=body.get("truncated") is True,
        origin=_origin(body),
    )


def _origin(body: PredictionBody) -> Origin:
    route, provenance = body.get("route"), body.get("provenance")
    if route is None or provenance is None:
        return Origin()
    revision = route["revision"]
    return Origin(
        arm=str(route["arm"]),
        revision=None if revision is None else int(revision),
        model_sha256=str(provenance["model_sha256"]),
        device=str(provenance["device"]),
        semver=str(provenance.get("semver", "")),
        cache=str(provenance.get("cache", "")),
    )
