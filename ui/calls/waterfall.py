"""Where the time of one request went: from its trace, or from its Server-Timing header alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Caller

REST = "rest"
"""Name of what is left of the whole when all that the header names is taken away."""

# In the order in which the gateway comes to them; the header tells no beginnings.
_TIMED = ("body", "queue", "triton")
_TOTAL = "total"
_METRIC = re.compile(r"([a-z_]+);dur=([0-9]+(?:\.[0-9]+)?)")


class BarBody(TypedDict):
    """One stretch of time."""

    name: str
    kind: str
    start_ms: float
    duration_ms: float


class WaterfallBody(TypedDict):
    """GET /v1/requests/{id}/waterfall."""

    triton: str
    clock_shift_ms: float
    bars: list[BarBody]


@dataclass(frozen=True)
class Stretch:
    """One bar of the waterfall.

    Attributes:
        name: As the gateway calls it.
        kind: `gateway`, `triton`, `queue` or `compute`.
        start_ms: After the request's arrival.
        duration_ms: How long it took.
    """

    name: str
    kind: str
    start_ms: float
    duration_ms: float


@dataclass(frozen=True)
class Waterfall:
    """The times of one request, and how much of them is known.

    Attributes:
        stretches: In the order in which they began.
        is_traced: Whether beginnings were measured; otherwise the bars only stand in a row.
        has_steps: Whether all of Triton's own times are among them.
        is_shifted: Whether Triton's clock was another, so that its bars stand where they may be.
    """

    stretches: tuple[Stretch, ...]
    is_traced: bool = False
    has_steps: bool = False
    is_shifted: bool = False


def ask_waterfall(caller: Caller, request_id: str) -> Waterfall:
    """Ask for the trace of a request; the gateway waits up to a second for Triton's half.

    Raises:
        GatewayProblem: In one of its forms; 404 where it was not traced, or is forgotten.
    """
    return caller.look(f"/v1/requests/{quote(request_id, safe='')}/waterfall", decode_waterfall)


def decode_waterfall(body: WaterfallBody) -> Waterfall:
    """Decode GET /v1/requests/{id}/waterfall."""
    stretches = tuple(
        Stretch(
            name=str(bar["name"]),
            kind=str(bar["kind"]),
            start_ms=float(bar["start_ms"]),
            duration_ms=float(bar["duration_ms"]),
        )
        for bar in body["bars"]
    )
    return Waterfall(
        stretches,
        is_traced=True,
        has_steps=body["triton"] == "complete",
        is_shifted=float(body["clock_shift_ms"]) != 0,
    )


def read_server_timing(header: str) -> Waterfall | None:
    """Put the times of a Server-Timing header in a row; None where it does not tell the whole."""
    times = {name: float(ms) for name, ms in _METRIC.findall(header)}
    if _TOTAL not in times:
        return None
    stretches, at_ms = [], 0.0
    for name in _TIMED:
        if name in times:
            kind = name if name in {"queue", "triton"} else "gateway"
            stretches.append(Stretch(name, kind, at_ms, times[name]))
            at_ms += times[name]
    stretches.append(Stretch(REST, "gateway", at_ms, max(0.0, times[_TOTAL] - at_ms)))
    return Waterfall(tuple(stretches))
