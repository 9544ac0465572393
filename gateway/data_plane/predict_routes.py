"""POST /v1/predict/{alias}: one image or a form of several, one text or a list of several."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from gateway.control_plane.keys import ApiKey, Scope
from gateway.data_plane.admission.priority import PRIORITY_HEADER, Priority, priority_of
from gateway.data_plane.admission.ticket import Ticket, Visitor
from gateway.data_plane.deadline import TIMEOUT_HEADER, timeout_seconds
from gateway.data_plane.disconnect import CancelOnDisconnect
from gateway.data_plane.item_outcomes import Outcome, outcome_of, refuse_unasked
from gateway.data_plane.media_types import choose_form
from gateway.data_plane.predict_answers import to_json
from gateway.data_plane.predict_bodies import read_items, refuse_too_large
from gateway.data_plane.predict_openapi import DESCRIPTION, ERRORS
from gateway.data_plane.release_choice import choose_release
from gateway.data_plane.request_body import declared_bytes
from gateway.data_plane.target import Target
from gateway.dependencies import Services, authenticate, services_of
from gateway.errors import InvalidParameter
from gateway.request_context import RequestRecord, record
from gateway.schemas import BatchBody, PredictionBody
from python_backends.shared.contract import Task

router = APIRouter(prefix="/v1/predict", tags=["predict"])

_DEFAULT_TOP_K: Final = 5
_MOST_DIGITS: Final = 9
_OK: Final[dict[int | str, dict[str, Any]]] = {200: {"model": PredictionBody | BatchBody}}


# FastAPI sees the request and nothing else: what it would resolve, read and validate by itself
# costs more than all of the gateway's own work, and it would read the body before the key.
@router.post(
    "/{alias}",
    openapi_extra=DESCRIPTION,
    responses=_OK | ERRORS,
    summary="Classify one image or text, or several of them",
)
async def predict(request: Request) -> Response:
    """Answer with labels and scores, highest first.

    The alias's `task` in `/v1/routes` says what it takes. One image or `text` gets `predictions`,
    and a refused one is the status of the call. A form or `texts` gets `results` in the order in
    which the items came; a refused item is an entry in its place.
    """
    services, known = services_of(request), record.get()
    key = authenticate(request, Scope.PREDICT)
    alias = request.path_params["alias"]
    target = choose_release(alias, services.health, key)
    known.alias, known.release = alias, target.release
    top_k = _top_k(request, target)
    form = choose_form(request.headers.get("content-type"), target.task)
    refuse_too_large(request, form, services.settings)
    visitor = _visitor(request, key, services)
    with services.admission.admit(visitor, target, declared_bytes(request) or 0) as ticket:
        items = await read_items(request, form, services.settings, ticket)
        ticket.body_is_here()
        _count(known, target.task, len(items.contents))
        async with CancelOnDisconnect(request):
            outcomes = await _outcomes(services, ticket, target, items.contents, top_k)
    return Response(to_json(known, items, outcomes), media_type="application/json")


async def _outcomes(
    services: Services, ticket: Ticket, target: Target, items: Sequence[bytes], top_k: int
) -> list[Outcome]:
    """Ask Triton about every item that is worth it; a bad one fails alone."""
    task, most = target.task, services.settings.max_image_bytes
    refusals = [refuse_unasked(task, item, most) for item in items]
    sent = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
    answers = iter(await services.predictor.answers(ticket, target, sent) if sent else ())
    return [refusal or outcome_of(task, next(answers), top_k) for refusal in refusals]


def _visitor(request: Request, key: ApiKey, services: Services) -> Visitor:
    settings = services.settings
    seconds = timeout_seconds(
        request.headers.get(TIMEOUT_HEADER),
        default=settings.inference_timeout_seconds,
        most=settings.max_inference_timeout_seconds,
    )
    return Visitor(
        key_id=key.id,
        priority=priority_of(request.headers.get(PRIORITY_HEADER), Priority.INTERACTIVE),
        max_concurrency=None,
        deadline=asyncio.get_running_loop().time() + seconds,
    )


def _top_k(request: Request, target: Target) -> int:
    asked = request.query_params.getlist("top_k")
    if not asked:
        return min(_DEFAULT_TOP_K, target.top_k)
    text = asked[-1]
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS) or not int(text):
        raise InvalidParameter("top_k must be a whole number above 0")
    if int(text) > target.top_k:
        raise InvalidParameter(f"top_k is {text}; this release answers at most {target.top_k}")
    return int(text)


def _count(known: RequestRecord, task: Task, items: int) -> None:
    if task is Task.TEXT_CLASSIFICATION:
        known.texts = items
    else:
        known.images = items
