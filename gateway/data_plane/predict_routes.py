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
from gateway.data_plane.top_k import read_top_k
from gateway.jobs.intake.accepted_job import ACCEPTED, ASYNC_APPLIED, job_body, job_headers
from gateway.jobs.intake.deferred_prediction import deferred
from gateway.jobs.intake.job_request import prefers_async
from gateway.request_context import record

router = APIRouter(prefix="/v1/predict", tags=["predict"], route_class=BareRoute)

_DEFAULT_TOP_K: Final = 5


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

    `Prefer: respond-async` asks for a job in place of the answer, with the same body: 202, and
    the job as `/v1/jobs` has it.
    """
    guest = await receive_guest(request, request.path_params["alias"])
    settings, known = guest.services.settings, record.get()
    top_k = read_top_k(request.query_params.getlist("top_k"), guest.target.top_k)
    refuse_content_coding(request.headers.get("content-encoding"))
    form = choose_form(request.headers.get("content-type"), guest.target.task)
    refuse_too_large(request, form, settings)
    if prefers_async(request.headers.getlist("prefer")):
        job = await deferred(guest, form, top_k)
        return Response(job_body(job), ACCEPTED, ASYNC_APPLIED | job_headers(job))
    most = top_k or min(_DEFAULT_TOP_K, guest.target.top_k)
    with guest.admitted() as ticket:
        items = await read_items(guest, form, ticket)
        await guest.body_is_here(ticket, items.contents)
        outcomes = await _outcomes(guest, ticket, items.contents, most)
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
