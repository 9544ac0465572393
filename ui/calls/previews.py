"""POST /v1/preview/{alias}: the picture turned, cut and resized, as a model is given it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import httpx

from ui.calls.gateway_http import Body, Caller
from ui.encoded_image import EncodedImage
from ui.errors import AnswerNotUnderstood
from ui.rgb_picture import CHANNELS, RgbPicture

# One byte per colour: what the contract of image pipelines says.
_TYPE = "UINT8"


@dataclass(frozen=True)
class Preview:
    """What a release's preprocess step made of a picture."""

    release: str
    picture: RgbPicture


def preview(caller: Caller, image: EncodedImage, *, alias: str) -> Preview:
    """Ask what a model is given of a picture.

    Args:
        caller: Whom to ask.
        image: Sent as it is; the release's preprocess step decodes it.
        alias: Of a route, or a release by its name.

    Raises:
        GatewayProblem: In one of its forms, when there is nothing to show.
    """
    response = caller.fetch(
        "POST",
        f"/v1/preview/{quote(alias, safe='')}",
        body=Body(image.data, image.content_type),
    )
    try:
        return decode_preview(response)
    except (KeyError, ValueError) as exc:
        raise AnswerNotUnderstood("a preview of another shape") from exc


def decode_preview(response: httpx.Response) -> Preview:
    """Decode the answer: its body is the pixels, its headers say how they lie."""
    headers = response.headers
    height, width, channels = (int(size) for size in headers["X-Pixels-Shape"].split(","))
    if headers["X-Pixels-Type"] != _TYPE or channels != CHANNELS:
        raise ValueError("pixels of another kind")
    return Preview(headers["X-Release"], RgbPicture(height, width, response.content))
