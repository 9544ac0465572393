"""POST /v1/predict/{alias}: what a picture or a text is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, Protocol, TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Body, Caller


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


class PredictionBody(TypedDict):
    """POST /v1/predict/{alias} for one picture or text."""

    request_id: str
    alias: str
    release: str
    predictions: list[LabelBody]
    truncated: NotRequired[bool]
    timing: TimingBody


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


def predict(caller: Caller, given: Given, *, alias: str, top_k: int) -> Prediction:
    """Ask what a picture or a text is.

    Args:
        caller: Whom to ask.
        given: Sent as it is; the ensemble decodes it.
        alias: Which model to ask, as named by the routes, or a release by its name.
        top_k: How many labels to answer, 1 or more.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer to show.
    """
    return caller.tell(
        "POST",
        f"/v1/predict/{quote(alias, safe='')}",
        decode_prediction,
        query={"top_k": top_k},
        body=Body(given.data, given.content_type),
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
