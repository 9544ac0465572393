"""Decoded picture -> the model's pixels, resizing no more of it than the model sees. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from python_backends.shared.image_decode import Decoded
from python_backends.shared.image_geometry import Region, is_lying, turn_upright
from python_backends.shared.image_resize import resize_region
from python_backends.shared.image_transform import ImageTransform, margin


@dataclass(frozen=True)
class _Stretch:
    """One side of a resized picture, and what of it is cut out.

    Attributes:
        length: Of the whole side, in resized pixels.
        start: The first resized pixel that is cut out.
        stop: The first behind them.
        place: Where `start` goes in the model's input; what is left around stays black.
    """

    length: int
    start: int
    stop: int
    place: int

    @classmethod
    def of(cls, length: int, wanted: int) -> _Stretch:
        before = margin(length, wanted)
        start = max(before, 0)
        return cls(length, start, min(before + wanted, length), start - before)

    def source(self, length: int) -> tuple[float, float]:
        """Where they come from on the side before it was resized, which was so long."""
        return self.start * length / self.length, self.stop * length / self.length

    @property
    def kept(self) -> int:
        return self.stop - self.start

    @property
    def target(self) -> slice:
        return slice(self.place, self.place + self.kept)


@dataclass(frozen=True)
class Cut:
    """What of a decoded picture is resized to which size, and where it goes.

    Attributes:
        region: Of the pixels as they lie there: not upright, and perhaps reduced.
        size: Height and width of what is made of it, not upright either.
        target: Rows and columns of the model's input, upright; what is around them stays black.
    """

    region: Region
    size: tuple[int, int]
    target: tuple[slice, slice]

    @classmethod
    def of(cls, decoded: Decoded, transform: ImageTransform) -> Cut:
        """Find it."""
        height, width = transform.resized(decoded.height, decoded.width)
        rows = _Stretch.of(height, transform.height_pixels)
        columns = _Stretch.of(width, transform.width_pixels)
        (top, bottom), (left, right) = rows.source(decoded.height), columns.source(decoded.width)
        stored = Region(top, left, bottom, right).as_stored(
            decoded.height, decoded.width, decoded.orientation
        )
        kept = rows.kept, columns.kept
        size = kept[::-1] if is_lying(decoded.orientation) else kept
        return cls(stored.scaled(decoded.eighths / 8), size, (rows.target, columns.target))


def cut_out(decoded: Decoded, transform: ImageTransform) -> NDArray[np.uint8]:
    """Do to the upright picture what `transform.apply` does, as far as `resize_region` agrees.

    Args:
        decoded: Perhaps smaller than in its file, perhaps lying on its side.
        transform: What is wanted.

    Returns:
        [height_pixels, width_pixels, 3], uint8, RGB.
    """
    cut = Cut.of(decoded, transform)
    made = resize_region(
        _grey(decoded.pixels) if transform.is_grayscale else decoded.pixels,
        cut.region,
        cut.size,
        transform.resize_filter.value,
    )
    pixels = np.zeros((transform.height_pixels, transform.width_pixels, 3), np.uint8)
    upright = turn_upright(made, decoded.orientation)
    pixels[cut.target] = upright if upright.ndim == 3 else upright[..., None]
    return pixels


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luma of ITU-R 601-2, [H, W], as Pillow's mode "L"."""
    return np.asarray(Image.fromarray(pixels).convert("L"))
