"""A gateway that answers what a test tells it to, behind httpx.MockTransport; and a clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from tests.unit.ui.fake_previews import preview_answer

READY_SINCE = "2026-05-03T08:00:00Z"

DIGITS: dict[str, object] = {
    "alias": "digits",
    "task": "image-classification",
    "arms": [{"release": "digits_r1", "weight": 100}],
}
FLOWERS: dict[str, object] = {
    "alias": "flowers",
    "task": "image-classification",
    "arms": [{"release": "flowers_r3", "weight": 90}, {"release": "flowers_r4", "weight": 10}],
}
SENTIMENT: dict[str, object] = {
    "alias": "sentiment",
    "task": "text-classification",
    "arms": [{"release": "sentiment_r1", "weight": 100}],
}


def error_body(code: str, message: str = "No.", request_id: str = "req-9") -> dict[str, object]:
    """The gateway's answer to a request that it refuses."""
    return {"error": {"code": code, "message": message, "request_id": request_id}}


@dataclass
class FakeGateway:
    """Set a field to change an answer; requests holds what was asked."""

    is_up: bool = True
    # Refuses that many connections before it is up.
    refused_connections: int = 0
    not_ready_reason: str | None = None
    routes: list[dict[str, object]] = field(default_factory=lambda: [dict(DIGITS)])
    # Answers in place of a prediction or of the routes: status and body.
    refusal: tuple[int, object] | None = None
    routes_refusal: tuple[int, object] | None = None
    # What the key that is asked about may do.
    scopes: list[str] = field(default_factory=lambda: ["predict"])
    key_refusal: tuple[int, object] | None = None
    # Says of each prediction that only the first part was read.
    is_truncating: bool = False
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.refused_connections -= 1
        if not self.is_up or self.refused_connections >= 0:
            raise httpx.ConnectError("connection refused", request=request)
        request.read()
        self.requests.append(request)
        if request.url.path == "/readyz":
            return self._readiness()
        if request.url.path == "/v1/key":
            status, body = self.key_refusal or (200, self._key())
            return httpx.Response(status, json=body)
        if request.url.path == "/v1/routes":
            status, body = self.routes_refusal or (200, {"routes": self.routes})
            return httpx.Response(status, json=body)
        return self._prediction(request)

    def asked(self, path_start: str) -> list[httpx.Request]:
        """Requests whose path starts so."""
        return [request for request in self.requests if request.url.path.startswith(path_start)]

    def _readiness(self) -> httpx.Response:
        is_ready = self.not_ready_reason is None
        body = {"ready": is_ready, "since": READY_SINCE, "reason": self.not_ready_reason}
        return httpx.Response(200 if is_ready else 503, json=body)

    def _key(self) -> dict[str, object]:
        return {
            "id": "0123456789ab",
            "name": "this page",
            "scopes": self.scopes,
            "allowed": None,
            "expires_at": None,
        }

    def _prediction(self, request: httpx.Request) -> httpx.Response:
        if self.refusal is not None:
            status, answer = self.refusal
            return httpx.Response(status, json=answer)
        if request.url.path.startswith("/v1/preview/"):
            return preview_answer()
        top_k = int(request.url.params["top_k"])
        labels = [{"label": "7", "score": 0.9312}, {"label": "1", "score": 0.0413}]
        labels += [{"label": str(digit), "score": 0.001} for digit in (0, 2, 3, 4, 5, 6, 8, 9)]
        body: dict[str, object] = {
            "request_id": f"req-{len(self.asked('/v1/predict'))}",
            "alias": request.url.path.rsplit("/", 1)[-1],
            "release": "digits_r1",
            "predictions": labels[:top_k],
            "timing": {"total_ms": 6.13, "triton_ms": 4.91},
        }
        if self.is_truncating:
            body["truncated"] = True
        return httpx.Response(200, json=body)


class FakeClock:
    """Stands still until a test moves it, or steps ahead each time somebody looks."""

    def __init__(self) -> None:
        self.step_seconds = 0.0
        self.time = datetime(2026, 5, 3, 8, 32, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.advance(self.step_seconds)
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
