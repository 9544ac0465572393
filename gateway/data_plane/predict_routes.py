"""POST /v1/predict/{alias}: one image or a form of several, one text or a list of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request, Response

from gateway.bare_route import BareRoute
from gateway.data_plane.admission.ticket import Ticket
from gateway.data_plane.front_door import Guest, receive_guest
from gateway.data_plane.item_outcomes import Outcome, item_outcome, refuse_unasked
from gateway.data_plane.media_types import choose_form, refuse_content_coding
from gateway.data_plane.predict_answers import to_json
from gateway.data_plane.predict_bodies import read_items, refuse_too_large
from gateway.data_plane.predict_openapi import DESCRIPTION, RESPONSES
from gateway.data_plane.routing.target import Target
from gateway.errors import InvalidParameter
from gateway.request_context import record

router = APIRouter(prefix="/v1/predict", tags=["predict"], route_class=BareRoute)

_DEFAULT_TOP_K: Final = 5
_MOST_DIGITS: Final = 9


@router.post(
    "/{alias}",
    openapi_extra=DESCRIPTION,
    responses=RESPONSES,
    summary="Classify one image or text, or several of them",
)
async def predict(request: Request) -> Response:
    """Answer with labels and scores, highest first.

    The alias's `task` in `/v1/routes` says what it takes. One image or `text` gets `predictions`,
    and a refused one is the status of the call. A form or `texts` gets `results` in the order in
    which the items came; a refused item is an entry in its place.
    """
    guest = await receive_guest(request, request.path_params["alias"])
    settings, known = guest.services.settings, record.get()
    top_k = _top_k(request, guest.target)
    refuse_content_coding(request.headers.get("content-encoding"))
    form = choose_form(request.headers.get("content-type"), guest.target.task)
    refuse_too_large(request, form, settings)
    with guest.admitted() as ticket:
        items = await read_items(guest, form, ticket)
        await guest.body_is_here(ticket, items.contents)
        outcomes = await _outcomes(guest, ticket, items.contents, top_k)
    headers = {"Cache-Status": known.cache} if known.cache else None
    return Response(
        to_json(known, guest.target, items, outcomes),
        headers=headers,
        media_type="application/json",
    )


async def _outcomes(
    guest: Guest, ticket: Ticket, items: Sequence[bytes], top_k: int
) -> list[Outcome]:
    """Ask about every item that is worth it; a bad one fails alone."""
    task, most = guest.target.task, guest.services.settings.max_image_bytes
    refusals = [refuse_unasked(task, item, most) for item in items]
    sent = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
    answers = iter(await guest.answers(ticket, sent))
    return [refusal or item_outcome(task, next(answers), top_k) for refusal in refusals]


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
