"""The jobs of a gateway behind httpx.MockTransport: one job per Idempotency-Key, and mishaps."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.unit.triptych.client.fake_gateway import refusal
from triptych.client import AsyncClient, Client

ID = "9f2c4e6a8b0d1357"
JOB: dict[str, Any] = {
    "id": ID,
    "alias": "digits",
    "task": "image-classification",
    "state": "succeeded",
    "sentence": "",
    "items": 3,
    "is_whole": True,
    "done": 3,
    "refused": 1,
    "per_second": 812.4,
    "seconds_left": None,
    "created_at": "2026-11-23T12:00:00Z",
    "started_at": "2026-11-23T12:00:01.5Z",
    "ended_at": "2026-11-23T12:00:09Z",
    "top_k": None,
    "source": None,
    "webhook": None,
    "results": f"/v1/jobs/{ID}/results",
    "events": f"/v1/jobs/{ID}/events",
}


def line(index: int, name: str = "") -> bytes:
    predictions = [{"label": str(index), "score": 0.9}, {"label": "x", "score": 0.1}]
    told = {"index": index, "name": name, "release": "digits_r1", "predictions": predictions}
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def refused_line(index: int) -> bytes:
    error = {"code": "undecodable_image", "message": "no image"}
    return json.dumps({"index": index, "name": "x.txt", "error": error}).encode() + b"\n"


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces; an exception among them is a connection that breaks."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@dataclass
class FakeJobs:
    """What it answers, path by path; the last answer of a path stays."""

    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    mishaps: deque[httpx.Response | Exception] = field(default_factory=deque)
    """Of submissions whose items all came; the answer gets lost, or is another one."""
    states: deque[dict[str, Any] | httpx.Response | Exception] = field(
        default_factory=lambda: deque([JOB])
    )
    answers: deque[Sequence[bytes | Exception] | httpx.Response] = field(default_factory=deque)
    asked: list[httpx.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.bodies.append(request.read())
        if request.method == "POST":
            return self._make(request)
        if request.url.path.endswith("/results"):
            return self._results()
        return self._state(request)

    def _make(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["Idempotency-Key"]
        job = self.made.setdefault(key, {**JOB, "id": f"{len(self.made):016x}"})
        if self.mishaps:
            mishap = self.mishaps.popleft()
            if isinstance(mishap, Exception):
                raise mishap
            return fresh(mishap)
        return httpx.Response(202, json=job)

    def _state(self, request: httpx.Request) -> httpx.Response:
        state = self.states.popleft() if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        if isinstance(state, httpx.Response):
            return fresh(state)
        if request.url.path == "/v1/jobs":
            return httpx.Response(200, json={"jobs": [state]})
        return httpx.Response(200, json=state)

    def _results(self) -> httpx.Response:
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, httpx.Response):
            return fresh(answer)
        return httpx.Response(200, stream=Pieces(*answer))

    def will_answer(self, *answers: Sequence[bytes | Exception] | httpx.Response) -> None:
        self.answers.extend(answers)

    def stands(self, *states: dict[str, Any] | httpx.Response | Exception) -> None:
        self.states = deque(
            {**JOB, **state} if isinstance(state, dict) else state for state in states
        )


def fresh(response: httpx.Response) -> httpx.Response:
    """A response can be sent once."""
    return httpx.Response(response.status_code, headers=response.headers, content=response.content)


def away() -> httpx.Response:
    return refusal(503, "database_unavailable")


Call = Callable[..., Any]


def call_sync(gateway: FakeJobs, method: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method; results that come one by one are a list."""
    with Client("http://gateway", "k3y", transport=httpx.MockTransport(gateway)) as client:
        answer = getattr(client, method)(*args, **kwargs)
        return list(answer) if method in {"stream", "results"} else answer


def call_async(gateway: FakeJobs, method: str, *args: Any, **kwargs: Any) -> Any:
    """The same of the asynchronous client."""

    async def call() -> Any:
        transport = httpx.MockTransport(gateway)
        async with AsyncClient("http://gateway", "k3y", transport=transport) as client:
            answer = getattr(client, method)(*args, **kwargs)
            if method in {"stream", "results"}:
                return [result async for result in answer]
            return await answer

    return asyncio.run(call())
