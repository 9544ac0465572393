"""/v1/requests/{request_id}/waterfall: where the time of one traced request went."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Final

from fastapi import APIRouter, Depends

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.control_plane.supervisor_observations import SupervisorObservations, TritonSpan
from gateway.control_plane.waterfall import Waterfall, is_whole, join
from gateway.dependencies import Observations, Traces, require
from gateway.errors import UnknownRequest
from gateway.openapi_errors import refusals
from gateway.tracing import TracedRequest

router = APIRouter(prefix="/v1/requests", tags=["monitoring"])

# Triton exports its spans every 0.2 s.
_PATIENCE_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.05
_UNUSUAL: Final[dict[int | str, str]] = {403: "scope_missing", 404: "unknown_request"}

_Caller = Annotated[ApiKey, Depends(require(Scope.PREDICT, Scope.METRICS))]


@router.get(
    "/{request_id}/waterfall",
    responses=refusals(401, 403, 404, unusual=_UNUSUAL),
    response_model_exclude_none=True,
    summary="Where the time of one traced request went",
)
async def show_waterfall(
    request_id: str, key: _Caller, traces: Traces, observations: Observations
) -> Waterfall:
    """Tell it to the key that made the request, and to keys with the scope metrics or admin.

    Ask with `X-Trace: 1` to have a request traced; of the others one in a hundred is. The answer
    comes from the gateway that answered the request, and only while it still remembers it.
    """
    request = traces.find(request_id)
    if request is None or not (request.key_id == key.id or key.may(Scope.METRICS)):
        raise UnknownRequest(f"there is no trace of a request {request_id!r} for you to see")
    return join(request, await _spans(request, observations))


async def _spans(request: TracedRequest, observations: SupervisorObservations) -> list[TritonSpan]:
    spans: list[TritonSpan] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not is_whole(request, spans):
                spans = await observations.trace(request.trace_id)
                await asyncio.sleep(0 if is_whole(request, spans) else _PAUSE_SECONDS)
    return spans
