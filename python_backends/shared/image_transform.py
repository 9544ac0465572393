"""RGB array -> the fixed-size pixels that the model was trained on. Pure: array in, array out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class ResizeFilter(Enum):
    """Resampling filters by the name that config.pbtxt uses; all antialias when shrinking."""

    NEAREST = Image.Resampling.NEAREST
    BILINEAR = Image.Resampling.BILINEAR
    BICUBIC = Image.Resampling.BICUBIC
    LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class ImageTransform:
    """How a picture of any size becomes the model's input: stretched to a fixed size.

    Nothing is cropped away, so a digit at the edge of a photograph is still there.
    """

    height_pixels: int
    width_pixels: int
    resize_filter: ResizeFilter = ResizeFilter.BILINEAR

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize one picture.

        Args:
            pixels: [H, W, 3], uint8, RGB, any H and W from 1 up.

        Returns:
            [height_pixels, width_pixels, 3], uint8, RGB.
        """
        size = (self.width_pixels, self.height_pixels)
        return np.asarray(Image.fromarray(pixels).resize(size, self.resize_filter.value))
