"""A gateway behind httpx.MockTransport: it answers as it was told, and remembers what was asked."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import httpx

WHO = {
    "request_id": "r1",
    "alias": "digits",
    "release": "digits_r1",
    "timing": {"total_ms": 6.2, "triton_ms": 4.9},
}
SEVEN = {"predictions": [{"label": "7", "score": 0.9}, {"label": "1", "score": 0.1}]}


def route_body(*arms: tuple[str, int], **more: Any) -> dict[str, Any]:
    """GET /v1/routes/digits, as a gateway of before issue 6 says it unless told more."""
    return {
        "alias": "digits",
        "task": "image-classification",
        "max_batch_size": 4,
        "top_k": 10,
        "arms": [{"release": release, "weight": weight} for release, weight in arms],
        **more,
    }


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    error = {"code": code, "message": "no", "request_id": "r9"}
    headers = {"X-Request-Id": "r9", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return httpx.Response(status, json={"error": error}, headers=headers)


@dataclass
class FakeGateway:
    """Answers in the order given; the last one stays."""

    answers: deque[httpx.Response | Exception] = field(default_factory=deque)
    asked: list[httpx.Request] = field(default_factory=list)

    def will(self, *answers: httpx.Response | Exception | dict[str, Any]) -> None:
        self.answers.extend(
            httpx.Response(200, json=it) if isinstance(it, dict) else it for it in answers
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        # A response can be sent once.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@dataclass
class FakeRoutes:
    """GET /v1/routes/digits with an ETag, 304 where nothing has changed, or an outage."""

    body: dict[str, Any]
    outage: httpx.Response | Exception | None = None
    statuses: list[int] = field(default_factory=list)
    has_etag: bool = True

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = self._response(request)
        self.statuses.append(response.status_code)
        return response

    def _response(self, request: httpx.Request) -> httpx.Response:
        outage = self.outage
        if isinstance(outage, Exception):
            raise outage
        if outage is not None:
            return httpx.Response(outage.status_code, content=outage.content)
        etag = f'"{hash(json.dumps(self.body))}"'
        if not self.has_etag:
            return httpx.Response(200, json=self.body)
        if request.headers.get("If-None-Match") == etag:
            return httpx.Response(304, headers={"ETag": etag})
        return httpx.Response(200, json=self.body, headers={"ETag": etag})
