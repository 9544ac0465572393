"""POST /v1/preview/{alias}: one image as the release's model is given it."""

from __future__ import annotations

from typing import Final, cast

from fastapi import APIRouter, Request, Response

from gateway.bare_route import BareRoute
from gateway.data_plane.front_door import receive_guest
from gateway.data_plane.item_outcomes import item_outcome
from gateway.data_plane.media_types import BodyForm, choose_form, refuse_content_coding
from gateway.data_plane.predict_bodies import read_items, refuse_too_large
from gateway.data_plane.prepared_image import PreparedImage
from gateway.data_plane.preview_openapi import (
    DESCRIPTION,
    RELEASE_HEADER,
    RESPONSES,
    SHAPE_HEADER,
    TYPE_HEADER,
)
from gateway.errors import InvalidRequest, UnsupportedMediaType
from gateway.request_context import record
from python_backends.shared.contract import PIXELS, ItemAnswer, Task

router = APIRouter(prefix="/v1/preview", tags=["predict"], route_class=BareRoute)

_MEDIA_TYPE: Final = "application/octet-stream"


@router.post(
    "/{alias}",
    openapi_extra=DESCRIPTION,
    responses=RESPONSES,
    response_class=Response,
    summary="Show one image as the model sees it",
)
async def preview(request: Request) -> Response:
    """Answer with the pixels that the release's preprocess step makes of an image, as raw bytes.

    The image is turned upright, cut and resized as for a prediction, and refused as one. Headers
    say how the pixels lie, and which release was asked.
    """
    guest = await receive_guest(request, request.path_params["alias"])
    refuse_content_coding(request.headers.get("content-encoding"))
    _refuse_what_is_no_image(request.headers.get("content-type"), guest.target.task)
    refuse_too_large(request, BodyForm.IMAGE, guest.services.settings)
    with guest.admitted() as ticket:
        items = await read_items(guest, BodyForm.IMAGE, ticket)
        await guest.body_is_here(ticket, items.contents)
        (image,) = items.contents
        prepared = _taken(await guest.prepared(ticket, image))
    headers = {
        SHAPE_HEADER: ",".join(map(str, prepared.shape)),
        TYPE_HEADER: PIXELS.dtype,
        RELEASE_HEADER: record.get().release,
    }
    return Response(prepared.pixels, headers=headers, media_type=_MEDIA_TYPE)


def _refuse_what_is_no_image(content_type: str | None, task: Task) -> None:
    if task is not Task.IMAGE_CLASSIFICATION:
        raise UnsupportedMediaType("this alias classifies texts; only images have a preview")
    if choose_form(content_type, task) is not BodyForm.IMAGE:
        raise UnsupportedMediaType("a preview is of one image; send its bytes as the body")


def _taken(answer: ItemAnswer) -> PreparedImage:
    """Pass on what the step took; raise for what it refused."""
    outcome = item_outcome(Task.IMAGE_CLASSIFICATION, answer, top_k=0)
    if isinstance(outcome, InvalidRequest):
        raise outcome
    return cast(PreparedImage, answer)  # only a refusal may come from elsewhere than the step
