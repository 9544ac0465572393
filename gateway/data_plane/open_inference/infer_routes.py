"""POST /v2/models/{model}/infer: JSON, JSON with binary tensors, or one item's bare bytes."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response

from gateway.bare_route import BareRoute
from gateway.data_plane.admission.ticket import Ticket
from gateway.data_plane.front_door import receive_guest
from gateway.data_plane.open_inference.answered_items import answer_items
from gateway.data_plane.open_inference.content_coding import compressed, inflated, window_of
from gateway.data_plane.open_inference.infer_request import Accepted
from gateway.data_plane.open_inference.infer_response import (
    EncodedResponse,
    Origin,
    encode_response,
)
from gateway.data_plane.open_inference.metadata_routes import (
    MODEL_PATH,
    VERSION_PATH,
    named_model,
)
from gateway.data_plane.open_inference.protocol_openapi import (
    INFER_OF_MODEL,
    INFERRED,
)
from gateway.data_plane.open_inference.request_parts import LENGTH_HEADER, parse_infer_request
from gateway.data_plane.request_body import (
    MAX_JSON_BYTES,
    counted,
    read_body,
    refuse_declared_excess,
)
from gateway.request_context import record
from gateway.settings import BodyPatience, GatewaySettings

router = APIRouter(
    prefix="/v2",
    tags=["open inference"],
    default_response_class=Response,
    route_class=BareRoute,
)


@router.post(
    f"{MODEL_PATH}/infer",
    openapi_extra=INFER_OF_MODEL,
    responses=INFERRED,
    summary="Classify one or more images or texts",
)
@router.post(f"{VERSION_PATH}/infer", include_in_schema=False)
async def infer(request: Request) -> Response:
    """Answer with LABEL and SCORE, highest first, and STATUS of each item.

    A refused item is no error of the request: its labels are blank and its STATUS says why.
    """
    name = named_model(request)
    guest = await receive_guest(request, name)
    settings, target = guest.services.settings, guest.target
    length = _only(request, LENGTH_HEADER)
    limit_bytes = _limit_bytes(settings, is_json=length is None)
    refuse_declared_excess(request, limit_bytes)
    with guest.admitted() as ticket:
        body = await _read(request, limit_bytes, guest.patience(), ticket)
        parsed = parse_infer_request(body, length, Accepted(target.task, target.max_batch_size))
        await guest.body_is_here(ticket, parsed.items)
        answers = await answer_items(
            partial(guest.answers, ticket),
            target.task,
            parsed.items,
            max_image_bytes=settings.max_image_bytes,
        )
    by = guest.target  # the route may have moved while the body came
    origin = Origin(name, by.release, guest.choice.arm, by.top_k)
    return _response(request, encode_response(origin, parsed, answers))


def _only(request: Request, name: str) -> str | None:
    # Sent twice, the two become one text that is no number and no known coding.
    values = request.headers.getlist(name)
    return ", ".join(values) if values else None


def _limit_bytes(settings: GatewaySettings, *, is_json: bool) -> int:
    return min(settings.max_body_bytes, MAX_JSON_BYTES) if is_json else settings.max_body_bytes


async def _read(
    request: Request, limit_bytes: int, patience: BodyPatience, ticket: Ticket
) -> bytes:
    window = window_of(_only(request, "Content-Encoding") or "")
    if window is None:
        return await read_body(request, limit_bytes, patience, ticket)
    chunks = inflated(counted(request, limit_bytes, patience, ticket), window, limit_bytes, ticket)
    return b"".join([chunk async for chunk in chunks])


def _response(request: Request, encoded: EncodedResponse) -> Response:
    body, coding = compressed(encoded.body, request.headers.get("accept-encoding", ""))
    headers = {"Content-Encoding": coding} if coding else {}
    cache_status = record.get().cache
    if cache_status:
        headers["Cache-Status"] = cache_status
    if encoded.json_length is None:
        return Response(body, headers=headers, media_type="application/json")
    headers[LENGTH_HEADER] = str(encoded.json_length)
    return Response(body, headers=headers, media_type="application/octet-stream")
