"""Which way up a picture lies in its file, and where on it the model's pixels come from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Source: EXIF 2.32, tag 0x0112, "row 0 is ..., column 0 is ...".
_LYING: Final = frozenset({5, 6, 7, 8})
_UPSIDE_DOWN: Final = frozenset({3, 4, 7, 8})
_MIRRORED: Final = frozenset({2, 3, 6, 7})


def is_lying(orientation: int) -> bool:
    """Whether rows become columns when a picture of this EXIF orientation is turned upright."""
    return orientation in _LYING


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation.

    Args:
        pixels: [H, W, 3], RGB, or [H, W], grey; uint8.
        orientation: 1 to 8; anything else counts as 1.

    Returns:
        A view of the same pixels, with H and W exchanged where it was lying.
    """
    if orientation in _LYING:
        pixels = pixels.swapaxes(0, 1)
    if orientation in _UPSIDE_DOWN:
        pixels = pixels[::-1]
    if orientation in _MIRRORED:
        pixels = pixels[:, ::-1]
    return pixels


@dataclass(frozen=True)
class Region:
    """A rectangle of a picture; its edges need not lie between pixels.

    Attributes:
        top: Pixels above it.
        left: Pixels to the left of it.
        bottom: Pixels from the picture's upper edge to its lower one.
        right: Pixels from the picture's left edge to its right one.
    """

    top: float
    left: float
    bottom: float
    right: float

    def scaled(self, factor: float) -> Region:
        """The same part of a picture that is so many times as large."""
        return Region(*(edge * factor for edge in (self.top, self.left, self.bottom, self.right)))

    def as_stored(self, height: int, width: int, orientation: int) -> Region:
        """The same part of a picture as it lies in its file.

        Args:
            height: Of the upright picture.
            width: Of the upright picture.
            orientation: 1 to 8; anything else counts as 1.
        """
        top, left, bottom, right = self.top, self.left, self.bottom, self.right
        if orientation in _MIRRORED:
            left, right = width - right, width - left
        if orientation in _UPSIDE_DOWN:
            top, bottom = height - bottom, height - top
        if orientation in _LYING:
            top, left, bottom, right = left, top, right, bottom
        return Region(top, left, bottom, right)
