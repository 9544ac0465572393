"""A batch of encoded images -> a batch of pixels and states. One bad image fails alone."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from python_backends.shared.contract import Status
from python_backends.shared.errors import (
    ImageTooLarge,
    InvalidInput,
    UndecodableImage,
    UnsupportedFormat,
)
from python_backends.shared.image_cut import cut_out
from python_backends.shared.image_decode import decode_image, decode_stored
from python_backends.shared.image_transform import ImageTransform

STATUS_OF: Final[dict[type[InvalidInput], Status]] = {
    UndecodableImage: Status.UNDECODABLE,
    ImageTooLarge: Status.TOO_LARGE,
    UnsupportedFormat: Status.UNSUPPORTED_FORMAT,
}


def preprocess_image(
    encoded: bytes, transform: ImageTransform, *, max_pixels: int
) -> NDArray[np.uint8]:
    """Decode and resize one image: [H, W, 3], uint8, RGB.

    Raises:
        InvalidInput: it cannot be decoded, or has more pixels than `max_pixels`, also after
            resizing: a line of one pixel's height grows without bound when its shortest edge does.
    """
    if transform.quick_margin is None:
        picture = decode_image(encoded, max_pixels=max_pixels)
        _check_resized(picture.shape[0], picture.shape[1], transform, max_pixels)
        return transform.apply(picture)
    decoded = decode_stored(encoded, max_pixels=max_pixels, least_size=transform.least_size)
    _check_resized(decoded.height, decoded.width, transform, max_pixels)
    return cut_out(decoded, transform)


def _check_resized(height: int, width: int, transform: ImageTransform, max_pixels: int) -> None:
    height, width = transform.resized(height, width)
    if height * width > max_pixels:
        raise ImageTooLarge(f"resized it has {width} x {height} pixels, {max_pixels} are accepted")


def preprocess_images(
    encoded: NDArray[Any], transform: ImageTransform, *, max_pixels: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Decode and resize every image of a batch.

    Args:
        encoded: [N, 1], object, each element the bytes of one encoded image.
        transform: How a picture becomes the model's input.
        max_pixels: Width times height allowed per image.

    Returns:
        Pixels [N, H, W, 3], uint8, RGB, zero where an image was refused; and states [N, 1], uint8,
        each a contract.Status.
    """
    count = len(encoded)
    pixels = np.zeros((count, transform.height_pixels, transform.width_pixels, 3), np.uint8)
    status = np.full((count, 1), Status.OK, np.uint8)
    for item in range(count):
        try:
            pixels[item] = preprocess_image(encoded[item, 0], transform, max_pixels=max_pixels)
        except InvalidInput as exc:
            status[item] = STATUS_OF[type(exc)]
    return pixels, status
