"""GET /readyz: can Triton answer?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

import httpx

from ui.calls.gateway_http import look_without_key

_ANSWERS = frozenset({200, 503})


class ReadyBody(TypedDict):
    """GET /readyz, with status 200 or 503."""

    ready: bool
    since: str
    reason: str | None


@dataclass(frozen=True)
class Readiness:
    """Whether Triton can answer, since when, and if not, why."""

    is_ready: bool
    since: datetime
    reason: str | None


def ask_readiness(http: httpx.Client, seconds: float) -> Readiness:
    """Ask whether Triton can answer; a gateway that says no has answered too.

    Raises:
        GatewayProblem: Nothing answered, or not as a gateway does.
    """
    return look_without_key(http, "/readyz", decode_readiness, seconds=seconds, statuses=_ANSWERS)


def decode_readiness(body: ReadyBody) -> Readiness:
    """Decode GET /readyz. A time without an offset is taken as UTC."""
    return Readiness(
        is_ready=body["ready"] is True, since=as_moment(body["since"]), reason=body.get("reason")
    )


def as_moment(text: str) -> datetime:
    """Read a time of the gateway; one without an offset is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
