"""A batch of encoded images -> pixels on a card: JPEGs there, all else on the processor.

What lies on the card is handed to the model without a copy through the processor's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_backends.shared.contract import Status
from python_backends.shared.cuda import Array, Card
from python_backends.shared.errors import InvalidInput
from python_backends.shared.image_decode import Decoded, fewest_eighths, jpeg_orientation
from python_backends.shared.image_decode_gpu import JpegDecoder, plain_size
from python_backends.shared.image_geometry import is_lying
from python_backends.shared.image_header import has_exif
from python_backends.shared.image_matrices import cut_out, reduce
from python_backends.shared.image_transform import ImageTransform

# Encoded images [N, 1] -> pixels and states, on the processor.
Preprocess = Callable[[NDArray[Any]], tuple[Array, NDArray[np.uint8]]]


@dataclass(frozen=True)
class _Plain:
    """A JPEG that the card may try: height and width as it lies in its file, and which way up."""

    stored: tuple[int, int]
    orientation: int

    @property
    def upright(self) -> tuple[int, int]:
        height, width = self.stored
        return (width, height) if is_lying(self.orientation) else (height, width)


class CardPreprocess:
    """Decodes and resizes on one card what it can, and leaves the rest to others.

    Args:
        card: The card.
        decoder: On it.
        transform: How a picture becomes the model's input; its filter has a kernel.
        max_pixels: Width times height allowed per image.
        on_processor: Takes every item that is no plain JPEG, or that the card cannot decode: it
            also says what is wrong with one.
    """

    def __init__(
        self,
        card: Card,
        decoder: JpegDecoder,
        transform: ImageTransform,
        *,
        max_pixels: int,
        on_processor: Preprocess,
    ) -> None:
        self._card = card
        self._decoder = decoder
        self._transform = transform
        self._max_pixels = max_pixels
        self._on_processor = on_processor

    def preprocess(self, encoded: NDArray[Any]) -> tuple[Array, NDArray[np.uint8]]:
        """Decode and resize every image of a batch.

        Args:
            encoded: [N, 1], object, each element the bytes of one encoded image.

        Returns:
            Pixels [N, H, W, 3], uint8, RGB, zero where an image was refused, on the card where it
            did any of them; and states [N, 1], uint8, each a contract.Status, not on the card.
        """
        plain = [self._plain(image) for (image,) in encoded]
        pictures = self._decode([image for (image,) in encoded], plain)
        others = [item for item, picture in enumerate(pictures) if picture is None]
        if len(others) == len(pictures):
            return self._on_processor(encoded)
        pixels = self._card.zeros(
            (len(encoded), self._transform.height_pixels, self._transform.width_pixels, 3), np.uint8
        )
        status = np.full((len(encoded), 1), Status.OK, np.uint8)
        for item, (picture, found) in enumerate(zip(pictures, plain, strict=True)):
            if picture is not None and found is not None:
                pixels[item] = self._resize(picture, found)
        if others:
            rest, states = self._on_processor(encoded[others])
            pixels[others], status[others] = self._card.take(rest), states
        self._card.wait()  # whoever takes the pixels has a stream of its own
        return pixels, status

    def _plain(self, encoded: bytes) -> _Plain | None:
        """What is known of a plain JPEG; None of all else, and of what others have to refuse."""
        size = plain_size(encoded)
        if size is None or size[0] * size[1] > self._max_pixels:
            return None
        try:
            plain = _Plain(size, jpeg_orientation(encoded) if has_exif(encoded) else 1)
        except InvalidInput:
            return None
        height, width = self._transform.resized(*plain.upright)
        return plain if height * width <= self._max_pixels else None

    def _decode(
        self, encoded: Sequence[bytes], plain: Sequence[_Plain | None]
    ) -> list[Array | None]:
        """A picture on the card for each image, or None."""
        chosen = {item: it.stored for item, it in enumerate(plain) if it is not None}
        pictures: list[Array | None] = [None] * len(encoded)
        if not chosen:
            return pictures
        decoded = self._decoder.decode([encoded[item] for item in chosen])
        for (item, stored), picture in zip(chosen.items(), decoded, strict=True):
            # A decoder that found another size has read another picture than our header did.
            if picture is not None and picture.shape == (*stored, 3):
                pictures[item] = picture
        return pictures

    def _resize(self, picture: Array, plain: _Plain) -> Array:
        """What the processor makes of it, which decodes it no larger than it is needed."""
        eighths = fewest_eighths(plain.upright, self._transform.least_size(*plain.upright))
        pixels = reduce(self._card.arrays, picture, eighths)
        decoded = Decoded(pixels, *plain.upright, plain.orientation, eighths)
        return cut_out(self._card.arrays, decoded, self._transform)
