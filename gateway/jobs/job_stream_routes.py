"""/v1/jobs/{job_id}/results and /events: what is sent piece by piece, also while the job runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.dependencies import Answers, Ends, Jobs, PredictKey, Watch
from gateway.jobs.job_reading_routes import UNUSUAL, JobId
from gateway.jobs.job_streams import CutShort, ResultFormat, events, followed, recorded
from gateway.jobs.seen_jobs import seen_job
from gateway.openapi_errors import refusals

_MEDIA_TYPES: Final = {
    ResultFormat.JSONL: "application/x-ndjson",
    ResultFormat.CSV: "text/csv; charset=utf-8",
}
_EVENTS: Final = "text/event-stream"
_LINES: Final = (
    '{"index":0,"name":"a/seven.png","release":"digits_r1",'
    '"predictions":[{"label":"7","score":0.9987}]}\n'
)
_ROWS: Final = (
    "index,name,label,score,release,truncated,error_code,error_message\r\n"
    "0,a/seven.png,7,0.9987,digits_r1,,,\r\n"
)
# Of one event, as whoever reads such a stream hands it on.
_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["progress", "end"]},
        "data": {"type": "string", "description": "The job, as JSON."},
    },
    "required": ["event", "data"],
}
_TOLD: Final = {"event": "progress", "data": '{"id": "9f2c4e6a8b0d1357", "done": 2560}'}


def _text(example: str) -> dict[str, Any]:
    return {"schema": {"type": "string"}, "example": example}


_RESULTS: Final[dict[str, Any]] = {
    "description": "One line per item.",
    "content": {"application/x-ndjson": _text(_LINES), "text/csv": _text(_ROWS)},
}
_PROGRESS: Final[dict[str, Any]] = {
    "description": "Server-sent events.",
    "content": {_EVENTS: {"schema": _EVENT, "example": _TOLD}},
}

_Form = Annotated[
    ResultFormat,
    Query(
        alias="format",
        description="`jsonl`: one object per item. `csv`: one row per item for spreadsheets, with "
        "`label_2`, `score_2` and so on where the job asked for more than one label, and an "
        "apostrophe before what a spreadsheet would reckon out.",
    ),
]
_Follow = Annotated[
    bool,
    Query(
        description="Wait for the rest until the job has ended; then lines come in the order in "
        "which they were answered, which `index` tells."
    ),
]

router = APIRouter(
    prefix="/v1/jobs/{job_id}",
    tags=["jobs"],
    responses=refusals(401, 403, 404, 503, unusual=UNUSUAL),
)


class _Stream(StreamingResponse):
    """Sends pieces, and puts away what they come from, however it ends.

    Args:
        pieces: What is sent.
        leave: Is closed at the end.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        leave: contextlib.ExitStack,
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send; where the end is missing the connection ends, so that the reader can tell."""
        # CutShort was logged where it was raised, or the gateway ends.
        with self._leave, contextlib.suppress(CutShort):
            await super().__call__(scope, receive, send)


@router.get(
    "/results",
    response_class=StreamingResponse,
    responses={200: _RESULTS, **refusals(400, 429, unusual=UNUSUAL)},
    summary="Answers, as far as there are any",
)
async def stream_results(
    *,
    job_id: JobId,
    key: PredictKey,
    jobs: Jobs,
    answers: Answers,
    watch: Watch,
    ends: Ends,
    form: _Form = ResultFormat.JSONL,
    follow: _Follow = False,
) -> StreamingResponse:
    """In the order of the items: what is answered when the request comes.

    A connection that breaks off before the last chunk of its transfer coding has not sent all.
    """
    job = await seen_job(jobs, key, job_id)
    with contextlib.ExitStack() as stack:
        if follow:
            seat = stack.enter_context(watch.seat(job, key.id))
            pieces = followed(answers, seat, form, ends)
        else:
            pieces = recorded(answers, job, form)
        name = f'attachment; filename="{job.name}-{job.id}.{form}"'
        headers = {"Content-Disposition": name}
        return _Stream(pieces, stack.pop_all(), _MEDIA_TYPES[form], headers)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: _PROGRESS, **refusals(429, unusual=UNUSUAL)},
    summary="How a job stands, at each change",
)
async def stream_events(
    job_id: JobId, key: PredictKey, jobs: Jobs, watch: Watch, ends: Ends
) -> StreamingResponse:
    """Events `progress`, twice a second at most, and `end` as the last; each holds the job.

    A stream that ends without `end` was cut: ask again. A comment every 15 seconds keeps it open.
    """
    job = await seen_job(jobs, key, job_id)
    with contextlib.ExitStack() as stack:
        seat = stack.enter_context(watch.seat(job, key.id))
        # nginx would keep events until there are enough of them.
        headers = {"X-Accel-Buffering": "no"}
        return _Stream(events(seat, ends), stack.pop_all(), _EVENTS, headers)
