"""A gateway that tells of itself, refuses broken pictures, and has limits and traces."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import httpx

from tests.unit.ui.fake_gateway import FakeGateway, error_body

SERVER_TIMING = "queue;dur=0.10, body;dur=0.20, triton;dur=4.50, total;dur=5.50"

TRACE: dict[str, object] = {
    "triton": "complete",
    "clock_shift_ms": 0.0,
    "bars": [
        {"name": "request", "kind": "gateway", "start_ms": 0.0, "duration_ms": 5.5},
        {"name": "triton", "kind": "gateway", "start_ms": 0.5, "duration_ms": 4.5},
        {"name": "ensemble", "kind": "triton", "start_ms": 1.0, "duration_ms": 3.5},
        {"name": "model queue", "kind": "queue", "start_ms": 1.5, "duration_ms": 0.25},
        {"name": "model compute", "kind": "compute", "start_ms": 1.75, "duration_ms": 2.0},
    ],
}


@dataclass
class AnsweringGateway(FakeGateway):
    """Answers by what a body holds: `broken` is no picture, `away` finds no Triton."""

    # So many predictions are refused for a moment before one is let through.
    limited: int = 0
    retry_after: str = "0"
    trace: dict[str, object] = field(default_factory=lambda: dict(TRACE))
    trace_refusal: tuple[int, object] | None = None
    # Threads ask side by side.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            return super().__call__(request)

    def _prediction(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/requests/"):
            status, body = self.trace_refusal or (200, self.trace)
            return httpx.Response(status, json=body)
        if request.url.path.startswith("/v1/preview/"):
            return super()._prediction(request)
        if self.limited > 0:
            self.limited -= 1
            headers = {"Retry-After": self.retry_after}
            return httpx.Response(429, json=error_body("rate_limited"), headers=headers)
        if b"broken" in request.content:
            return httpx.Response(422, json=error_body("undecodable_image"))
        if b"away" in request.content:
            return httpx.Response(502, json=error_body("inference_failed"))
        answer = super()._prediction(request)
        return _told(answer) if answer.is_success else answer


def _told(answer: httpx.Response) -> httpx.Response:
    body = answer.json() | {
        "route": {"arm": "canary", "revision": 3},
        "provenance": {"model_sha256": "0d1c3a5be77f", "device": "cpu", "semver": "1.4.0"},
    }
    return httpx.Response(200, json=body, headers={"Server-Timing": SERVER_TIMING})
