"""/v1/admin/shadows: how a shadow compares with the release that answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NotRequired, TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Caller
from ui.calls.predictions import ScoredLabel
from ui.calls.readiness import as_moment


class ShadowBody(TypedDict):
    """Who gets copies."""

    release: str
    percent: float


class RouteBody(TypedDict):
    """One alias, as far as it matters here."""

    alias: str
    task: str
    shadow: NotRequired[ShadowBody | None]


class RoutesBody(TypedDict):
    """GET /v1/routes."""

    routes: list[RouteBody]


class ShareBody(TypedDict):
    """So many of so many, with Wilson's interval at 95 %."""

    count: int
    share: float
    lower: float
    upper: float


class QuantilesBody(TypedDict):
    """Waited for Triton, in ms."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class OpinionBody(TypedDict):
    """What one release made of an item."""

    release: str
    outcome: str
    labels: list[str]
    scores: list[float]


class DisagreementBody(TypedDict):
    """An item of which two releases thought differently."""

    id: int
    at: str
    request_id: str
    serving: OpinionBody
    shadow: OpinionBody
    has_item: bool


class ReportBody(TypedDict):
    """GET /v1/admin/shadows/{alias}/report."""

    release: str
    pairs: int
    top1_agreement: ShareBody
    top_k_agreement: ShareBody
    outcome_differed: ShareBody
    serving_failures: ShareBody
    shadow_failures: ShareBody
    dropped: int
    score_differences: list[int]
    serving_latency: QuantilesBody
    shadow_latency: QuantilesBody
    disagreements: list[DisagreementBody]


@dataclass(frozen=True)
class Shadowed:
    """An alias whose requests are copied to a shadow, so many percent of them."""

    alias: str
    task: str
    release: str
    percent: float


@dataclass(frozen=True)
class Share:
    """A share, 0 to 1, and between which bounds the true one lies at 95 %."""

    count: int
    share: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Quantiles:
    """Time waited for Triton in ms; None where nothing was answered."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class Opinion:
    """What one release made of an item; labels come highest first."""

    release: str
    outcome: str
    labels: tuple[ScoredLabel, ...]


@dataclass(frozen=True)
class Disagreement:
    """An item of which the two thought differently; has_item says that its bytes are kept."""

    number: int
    at: datetime
    request_id: str
    serving: Opinion
    shadow: Opinion
    has_item: bool


@dataclass(frozen=True)
class ShadowReport:
    """Item by item, since the route is as it is.

    Attributes:
        release: The shadow.
        pairs: Items that both were asked.
        dropped: Requests that were to be copied and were not.
        score_differences: Items by the difference of their first scores, in bins of equal width
            from 0 to 1.
        disagreements: The newest.
    """

    release: str
    pairs: int
    top1_agreement: Share
    top_k_agreement: Share
    outcome_differed: Share
    serving_failures: Share
    shadow_failures: Share
    dropped: int
    score_differences: tuple[int, ...]
    serving_latency: Quantiles
    shadow_latency: Quantiles
    disagreements: tuple[Disagreement, ...]


def list_shadowed(caller: Caller) -> tuple[Shadowed, ...]:
    """Ask which aliases have a shadow now.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    return caller.look("/v1/routes", decode_shadowed)


def ask_report(caller: Caller, alias: str) -> ShadowReport:
    """Ask how the present shadow of an alias compares; RequestRefused where it has none."""
    return caller.look(f"{_path(alias)}/report", decode_report)


def ask_item(caller: Caller, alias: str, number: int) -> bytes:
    """Ask for the bytes of an item as the caller sent them; nothing is known of them."""
    return caller.fetch("GET", f"{_path(alias)}/disagreements/{number}/item").content


def decode_shadowed(body: RoutesBody) -> tuple[Shadowed, ...]:
    """Decode GET /v1/routes."""
    return tuple(
        Shadowed(
            str(route["alias"]),
            str(route["task"]),
            str(shadow["release"]),
            float(shadow["percent"]),
        )
        for route in body["routes"]
        if (shadow := route.get("shadow")) is not None
    )


def decode_report(body: ReportBody) -> ShadowReport:
    """Decode GET /v1/admin/shadows/{alias}/report."""
    return ShadowReport(
        release=str(body["release"]),
        pairs=int(body["pairs"]),
        top1_agreement=_share(body["top1_agreement"]),
        top_k_agreement=_share(body["top_k_agreement"]),
        outcome_differed=_share(body["outcome_differed"]),
        serving_failures=_share(body["serving_failures"]),
        shadow_failures=_share(body["shadow_failures"]),
        dropped=int(body["dropped"]),
        score_differences=tuple(int(count) for count in body["score_differences"]),
        serving_latency=_quantiles(body["serving_latency"]),
        shadow_latency=_quantiles(body["shadow_latency"]),
        disagreements=tuple(_disagreement(it) for it in body["disagreements"]),
    )


def _path(alias: str) -> str:
    return f"/v1/admin/shadows/{quote(alias, safe='')}"


def _share(body: ShareBody) -> Share:
    return Share(
        int(body["count"]), float(body["share"]), float(body["lower"]), float(body["upper"])
    )


def _quantiles(body: QuantilesBody) -> Quantiles:
    return Quantiles(*(_number(body[name]) for name in ("p50_ms", "p95_ms", "p99_ms")))


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _disagreement(body: DisagreementBody) -> Disagreement:
    return Disagreement(
        number=int(body["id"]),
        at=as_moment(body["at"]),
        request_id=str(body["request_id"]),
        serving=_opinion(body["serving"]),
        shadow=_opinion(body["shadow"]),
        has_item=body["has_item"] is True,
    )


def _opinion(body: OpinionBody) -> Opinion:
    pairs = zip(body["labels"], body["scores"], strict=True)
    labels = tuple(ScoredLabel(str(label), float(score)) for label, score in pairs)
    return Opinion(str(body["release"]), str(body["outcome"]), labels)
