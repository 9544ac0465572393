"""POST /v2/models/{model}/infer: JSON, JSON with binary tensors, or one item's bare bytes."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from gateway.data_plane.open_inference.answered_items import answer_items
from gateway.data_plane.open_inference.content_coding import compressed, inflated, window_of
from gateway.data_plane.open_inference.infer_request import MAX_JSON_BYTES, Accepted
from gateway.data_plane.open_inference.infer_response import (
    EncodedResponse,
    Origin,
    encode_response,
)
from gateway.data_plane.open_inference.metadata_routes import MODEL_PATH, VERSION_PATH, Asked
from gateway.data_plane.open_inference.protocol_openapi import (
    INFER_OF_MODEL,
    INFER_OF_VERSION,
    INFERRED,
)
from gateway.data_plane.open_inference.request_parts import LENGTH_HEADER, parse_infer_request
from gateway.data_plane.request_body import counted
from gateway.dependencies import Prediction, Settings
from gateway.request_context import record
from gateway.settings import GatewaySettings
from python_backends.shared.contract import Task

_SUMMARY: Final = "Classify one or more images or texts"

router = APIRouter(prefix="/v2", tags=["open inference"], default_response_class=Response)


@router.post(
    f"{MODEL_PATH}/infer", openapi_extra=INFER_OF_MODEL, responses=INFERRED, summary=_SUMMARY
)
@router.post(
    f"{VERSION_PATH}/infer", openapi_extra=INFER_OF_VERSION, responses=INFERRED, summary=_SUMMARY
)
async def infer(
    request: Request, asked: Asked, predictor: Prediction, settings: Settings
) -> Response:
    """Answer with LABEL and SCORE, highest first, and STATUS of each item.

    A refused item is no error of the request: its labels are blank and its STATUS says why.
    """
    report = asked.report
    accepted = Accepted(report.task, max_items=report.max_batch_size)
    with predictor.admitted():
        length = _only(request, LENGTH_HEADER)
        body = await _read(request, settings, is_json=length is None)
        parsed = parse_infer_request(body, length, accepted)
        _count(report.task, len(parsed.items))
        answers = await answer_items(
            predictor,
            str(asked.release),
            report.task,
            parsed.items,
            max_image_bytes=settings.max_image_bytes,
        )
    origin = Origin(asked.name, str(asked.release), report.top_k)
    return _response(request, encode_response(origin, parsed, answers))


def _only(request: Request, name: str) -> str | None:
    # Sent twice, the two become one text that is no number and no known coding.
    values = request.headers.getlist(name)
    return ", ".join(values) if values else None


async def _read(request: Request, settings: GatewaySettings, *, is_json: bool) -> bytes:
    limit_bytes = settings.max_body_bytes
    if is_json:
        limit_bytes = min(limit_bytes, MAX_JSON_BYTES)
    window = window_of(_only(request, "Content-Encoding") or "")
    chunks = counted(request, limit_bytes, settings.body_silence_seconds)
    if window is not None:
        chunks = inflated(chunks, window, limit_bytes)
    return b"".join([chunk async for chunk in chunks])


def _count(task: Task, items: int) -> None:
    known = record.get()
    if task is Task.TEXT_CLASSIFICATION:
        known.texts = items
    else:
        known.images = items


def _response(request: Request, encoded: EncodedResponse) -> Response:
    body, coding = compressed(encoded.body, request.headers.get("accept-encoding", ""))
    headers = {"Content-Encoding": coding} if coding else {}
    if encoded.json_length is None:
        return Response(body, headers=headers, media_type="application/json")
    headers[LENGTH_HEADER] = str(encoded.json_length)
    return Response(body, headers=headers, media_type="application/octet-stream")
