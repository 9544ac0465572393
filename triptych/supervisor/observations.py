"""Traces and samples over HTTP: Triton puts spans in, the gateway takes both out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from triptych.errors import SpansMalformed
from triptych.supervisor.otlp_spans import TRACES_PATH, parse_spans
from triptych.supervisor.step_samples import KEPT_SECONDS, StepSamples
from triptych.supervisor.trace_store import TraceStore

# Triton sends at most 512 spans at once, 640 bytes each.
_MAX_BODY_BYTES: Final = 2 * 1024 * 1024
_A_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


@dataclass(frozen=True)
class Observations:
    """What the supervisor remembers of its Triton."""

    traces: TraceStore
    samples: StepSamples

    def routes(self) -> list[Route]:
        """The way in and out."""
        return [
            Route(TRACES_PATH, self._take_spans, methods=["POST"]),
            Route("/traces/{trace_id}", self._show_trace),
            Route("/samples", self._show_samples),
        ]

    async def _take_spans(self, request: Request) -> Response:
        # A web page can send other types to loopback without asking first, but not this one.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _refusal("Spans come as application/json.", 415)
        body = await _read_bounded(request)
        if body is None:
            return _refusal("The body is too large.", 413)
        try:
            self.traces.add(parse_spans(body))
        except SpansMalformed as exc:
            return _refusal(str(exc), 400)
        return JSONResponse({})

    async def _show_trace(self, request: Request) -> Response:
        trace_id = request.path_params["trace_id"]
        spans = self.traces.find(trace_id)
        if spans is None:
            return _refusal("There is no such trace.", 404)
        return JSONResponse({"trace_id": trace_id, "spans": [span.to_json() for span in spans]})

    async def _show_samples(self, request: Request) -> Response:
        seconds = request.query_params.get("seconds", str(KEPT_SECONDS))
        if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 10):
            return _refusal("seconds must be a whole number.", 400)
        since = request.query_params.get("since", "")
        if since and not _A_TIME.fullmatch(since):
            return _refusal("since must be the time of a sample.", 400)
        return Response(self.samples.to_json(int(seconds), since), media_type="application/json")


def _refusal(message: str, status: int) -> JSONResponse:
    headers = {"Connection": "close"} if status in {413, 415} else None
    return JSONResponse({"error": message}, status, headers)


async def _read_bounded(request: Request) -> bytes | None:
    """The body, or None where it is too large."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > _MAX_BODY_BYTES:
        return None
    chunks, total = [], 0
    async for chunk in request.stream():
        chunks.append(chunk)
        total += len(chunk)
        if total > _MAX_BODY_BYTES:
            return None
    return b"".join(chunks)
