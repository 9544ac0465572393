"""A small picture for a row of a list, whatever the size of the original."""

from __future__ import annotations

import base64

from ui.calls.gateway_http import Caller
from ui.calls.previews import preview
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.rgb_picture import CHANNELS, RgbPicture

# Up to here the original is its own thumbnail. A list of 200 travels to the browser as a whole.
SMALL_BYTES = 16 * 1024
SIDE_PIXELS = 64


def ask_thumbnail(caller: Caller, image: EncodedImage, *, alias: str) -> str:
    """Make an address that a browser can show, of some 16 kB at most; empty where there is none.

    Only the preprocess step of a model can shrink a picture, for this room decodes none: a large
    one costs a second request.

    Args:
        caller: Whom to ask.
        image: The original.
        alias: Of the model that classified it.
    """
    if len(image.data) <= SMALL_BYTES:
        return image.data_url
    try:
        picture = shrink(preview(caller, image, alias=alias).picture)
    except GatewayProblem:
        return ""  # the row has its answer, and is as good without
    return f"data:image/png;base64,{base64.b64encode(picture.png).decode('ascii')}"


def shrink(picture: RgbPicture) -> RgbPicture:
    """Leave out rows and columns, evenly, until the shorter side has less than 128 pixels."""
    height, width = picture.height_pixels, picture.width_pixels
    step = max(1, min(height, width) // SIDE_PIXELS)
    row_bytes, columns = width * CHANNELS, len(range(0, width, step))
    rows = []
    for top in range(0, height, step):
        whole = picture.rgb[top * row_bytes : (top + 1) * row_bytes]
        row = bytearray(columns * CHANNELS)
        for channel in range(CHANNELS):
            row[channel::CHANNELS] = whole[channel :: CHANNELS * step]
        rows.append(bytes(row))
    return RgbPicture(len(rows), columns, b"".join(rows))
