"""Read the items out of a body, in the form that its Content-Type declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from gateway.data_plane.admission.ticket import Ticket
from gateway.data_plane.form_files import read_files
from gateway.data_plane.front_door import Guest
from gateway.data_plane.json_texts import parse_texts
from gateway.data_plane.media_types import BodyForm
from gateway.data_plane.request_body import MAX_JSON_BYTES, read_body, refuse_declared_excess
from gateway.errors import EmptyBody
from gateway.settings import GatewaySettings


@dataclass(frozen=True)
class Items:
    """Encoded images or UTF-8 texts in their order, and what their answers need."""

    contents: Sequence[bytes]
    filenames: Sequence[str | None]
    """Only what came in a form has one."""
    is_batch: bool


def refuse_too_large(request: Request, form: BodyForm, settings: GatewaySettings) -> None:
    """Judge by the header alone.

    Raises:
        PayloadTooLarge: the declared length is above what this form of body may have.
    """
    refuse_declared_excess(request, _limit_bytes(form, settings))


async def read_items(guest: Guest, form: BodyForm, ticket: Ticket) -> Items:
    """Read a body to its end.

    Raises:
        InvalidRequest: the narrowest class that fits what is wrong with it.
        Overloaded: it has more bytes than there is room for.
    """
    request, settings = guest.request, guest.services.settings
    limit_bytes, patience = _limit_bytes(form, settings), guest.patience()
    if form is BodyForm.FILES:
        files = await read_files(request, limit_bytes, patience, settings.max_items, counter=ticket)
        contents, names = [file.content for file in files], [file.filename for file in files]
        return Items(contents, names, is_batch=True)
    body = await read_body(request, limit_bytes, patience, ticket)
    if form is BodyForm.IMAGE:
        if not body:
            raise EmptyBody("the body is empty; send the bytes of one image")
        return Items([body], [None], is_batch=False)
    parsed = parse_texts(body, settings.max_items)
    return Items(parsed.texts, [None] * len(parsed.texts), parsed.is_batch)


def _limit_bytes(form: BodyForm, settings: GatewaySettings) -> int:
    match form:
        case BodyForm.IMAGE:
            return settings.max_image_bytes
        case BodyForm.FILES:
            return settings.max_body_bytes
        case BodyForm.TEXTS:
            return min(settings.max_body_bytes, MAX_JSON_BYTES)
