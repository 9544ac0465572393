"""/v1/jobs as a page sees it, in front of the rest of the fake gateway."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.unit.ui.fake_gateway import FakeGateway

ID = "9f2c4e6a8b0d1357"


def job(job_id: str = ID, **changes: object) -> dict[str, Any]:
    """One job as the gateway tells of it: twenty pictures, done, two of them refused."""
    return {
        "id": job_id,
        "alias": "digits",
        "task": "image-classification",
        "state": "succeeded",
        "sentence": "",
        "items": 20,
        "is_whole": True,
        "done": 20,
        "refused": 2,
        "per_second": 812.4,
        "seconds_left": None,
        "created_at": "2026-05-03T08:30:00Z",
        "started_at": "2026-05-03T08:30:01Z",
        "ended_at": "2026-05-03T08:30:02Z",
        "top_k": None,
        "source": None,
        "webhook": None,
        "results": f"/v1/jobs/{job_id}/results",
        "events": f"/v1/jobs/{job_id}/events",
        **changes,
    }


def running(job_id: str = ID, **changes: object) -> dict[str, Any]:
    """One that is at work."""
    terms = {"state": "running", "done": 5, "refused": 0, "seconds_left": 75.2, "ended_at": None}
    return job(job_id, **{**terms, **changes})


def answer(index: int, name: str = "") -> dict[str, Any]:
    """The answer of one item."""
    return {
        "index": index,
        "name": name or f"{index:02}.png",
        "release": "digits_r1",
        "predictions": [{"label": "7", "score": 0.98}, {"label": "1", "score": 0.01}],
    }


def refusal(index: int, name: str = "broken.png") -> dict[str, Any]:
    """The answer of one that is no picture."""
    error = {"code": "undecodable_image", "message": "It is no picture."}
    return {"index": index, "name": name, "release": "digits_r1", "error": error}


@dataclass
class FakeJobs(FakeGateway):
    """Lists `jobs`, gives `answers` of each, takes what is handed in."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    # Answers in place of the list, of the results, and of an order's outcome.
    list_refusal: tuple[int, object] | None = None
    results_refusal: tuple[int, object] | None = None
    order_refusal: tuple[int, object] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.is_up or not request.url.path.startswith("/v1/jobs"):
            return super().__call__(request)
        request.read()
        self.requests.append(request)
        if request.url.path.endswith("/results"):
            return self._results(request)
        if request.method == "GET":
            return _told(self.list_refusal, 200, {"jobs": self.jobs, "sources": self.sources})
        if self.order_refusal is not None:
            return _told(self.order_refusal, 200, None)
        return self._cancel(request) if request.method == "DELETE" else self._take()

    def orders(self, method: str) -> list[httpx.Request]:
        """What was handed in, or cancelled."""
        return [it for it in self.asked("/v1/jobs") if it.method == method]

    def _results(self, request: httpx.Request) -> httpx.Response:
        if self.results_refusal is not None:
            return _told(self.results_refusal, 200, None)
        if request.url.params["format"] == "csv":
            return httpx.Response(200, content="index,name,label\r\n0,칠.png,7\r\n".encode())
        lines = "".join(f"{json.dumps(it)}\n" for it in self.answers)
        return httpx.Response(200, content=lines.encode())

    def _take(self) -> httpx.Response:
        new = job("00000000000000aa", state="queued", done=0, refused=0, per_second=None)
        new |= {"started_at": None, "ended_at": None}
        self.jobs = [new, *self.jobs]
        return httpx.Response(202, json=new)

    def _cancel(self, request: httpx.Request) -> httpx.Response:
        job_id = request.url.path.rsplit("/", 1)[-1]
        ended = {"state": "cancelled", "ended_at": "2026-05-03T08:32:00Z", "seconds_left": None}
        self.jobs = [it | ended if it["id"] == job_id else it for it in self.jobs]
        return httpx.Response(200, json=next(it for it in self.jobs if it["id"] == job_id))


def _told(refusal: tuple[int, object] | None, status: int, body: object) -> httpx.Response:
    status, body = refusal or (status, body)
    return httpx.Response(status, json=body)
