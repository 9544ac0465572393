"""RGB array -> the fixed-size pixels that the model was trained on. Pure: array in, array out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class ResizeFilter(Enum):
    """Resampling filters by the name that config.pbtxt uses; all antialias when shrinking."""

    NEAREST = Image.Resampling.NEAREST
    BOX = Image.Resampling.BOX
    BILINEAR = Image.Resampling.BILINEAR
    HAMMING = Image.Resampling.HAMMING
    BICUBIC = Image.Resampling.BICUBIC
    LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class Stretch:
    """Resize to exactly this size; the aspect ratio is not kept."""

    height_pixels: int
    width_pixels: int

    def size_of(self, _height: int, _width: int) -> tuple[int, int]:
        """Height and width after resizing a picture of this height and width."""
        return self.height_pixels, self.width_pixels


@dataclass(frozen=True)
class ShortestEdge:
    """Resize so that the shorter side gets this length; the aspect ratio is kept."""

    pixels: int

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width after resizing a picture of this height and width.

        The longer side is rounded down. Source: torchvision, transforms.functional.resize; the
        same in transformers, image_transforms.get_resize_output_image_size.
        """
        if height <= width:
            return self.pixels, max(1, int(self.pixels * width / height))
        return max(1, int(self.pixels * height / width)), self.pixels


@dataclass(frozen=True)
class NoResize:
    """Leave the picture as large as it is."""

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width, unchanged."""
        return height, width


Resize = Stretch | ShortestEdge | NoResize
_TRUE: Final = "true"
# The quick_margin of new releases: what Pillow's own thumbnails keep. docs/adr/0022 has others.
QUICK_MARGIN: Final = 2.0


@dataclass(frozen=True)
class ImageTransform:
    """How a picture of any size becomes the model's input: resized, then cut out of the middle.

    Without `resize` the picture is stretched to the final size, so that nothing is cut away.

    Attributes:
        height_pixels: Final height.
        width_pixels: Final width.
        resize_filter: How new pixels are made of old ones.
        resize: What happens before the middle is cut out; None stretches to the final size.
        is_grayscale: Whether the model was trained without colour: all three channels become the
            luma of ITU-R 601-2, as Pillow's mode "L".
        quick_margin: None takes the training transform to the bit (`apply`). A number takes the
            quick way (image_cut.py), a little beside it: a JPEG is decoded no larger than that it
            keeps so many times the resized height and width (docs/adr/0022).
    """

    height_pixels: int
    width_pixels: int
    resize_filter: ResizeFilter = ResizeFilter.BILINEAR
    resize: Resize | None = None
    is_grayscale: bool = False
    quick_margin: float | None = None

    def least_size(self, height: int, width: int) -> tuple[float, float]:
        """Height and width that a picture of this size has to be decoded at."""
        resized = self.resized(height, width)
        times = math.inf if self.quick_margin is None else self.quick_margin
        return resized[0] * times, resized[1] * times

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of a picture of this size before the middle is cut out of it."""
        resize = self.resize or Stretch(self.height_pixels, self.width_pixels)
        return resize.size_of(height, width)

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring one picture to the final size.

        Args:
            pixels: [H, W, 3], uint8, RGB, any H and W from 1 up.

        Returns:
            [height_pixels, width_pixels, 3], uint8, RGB.
        """
        image = Image.fromarray(pixels)
        if self.is_grayscale:
            image = image.convert("L")
        height, width = self.resized(image.height, image.width)
        if (height, width) == (self.height_pixels, self.width_pixels):
            return _three_channels(image.resize((width, height), self.resize_filter.value))
        return _three_channels(self._cut_out(image, height, width))

    def _cut_out(self, image: Image.Image, height: int, width: int) -> Image.Image:
        """Resize and take the middle; where the picture is smaller, black is added around it.

        Half an odd margin is rounded down. Source: transformers, image_transforms.center_crop.
        """
        if (height, width) != (image.height, image.width):
            image = image.resize((width, height), self.resize_filter.value)
        top = margin(height, self.height_pixels)
        left = margin(width, self.width_pixels)
        return image.crop((left, top, left + self.width_pixels, top + self.height_pixels))

    def to_parameters(self) -> dict[str, str]:
        """What config.pbtxt says of it beside the final size; defaults are left out."""
        parameters = {"resize_filter": self.resize_filter.name.lower()}
        match self.resize:
            case Stretch(height_pixels=height, width_pixels=width):
                parameters |= {"resize": "stretch", "resize_pixels": f"{height}x{width}"}
            case ShortestEdge(pixels=pixels):
                parameters |= {"resize": "shortest_edge", "resize_pixels": str(pixels)}
            case NoResize():
                parameters |= {"resize": "none"}
        if self.is_grayscale:
            parameters["grayscale"] = _TRUE
        if self.quick_margin is not None:
            parameters["quick_margin"] = f"{self.quick_margin:g}"
        return parameters

    @classmethod
    def from_parameters(
        cls, height_pixels: int, width_pixels: int, parameters: Mapping[str, str]
    ) -> ImageTransform:
        """Read what `to_parameters` wrote.

        Raises:
            ValueError: a parameter is missing or has no meaning.
        """
        name = parameters.get("resize_filter")
        if name is None:
            raise ValueError("config.pbtxt lacks the parameter 'resize_filter'")
        if name.upper() not in ResizeFilter.__members__:
            raise ValueError(f"no such resize_filter: {name!r}")
        return cls(
            height_pixels,
            width_pixels,
            ResizeFilter[name.upper()],
            _resize(parameters.get("resize"), parameters.get("resize_pixels", "")),
            is_grayscale=_flag(parameters.get("grayscale")),
            quick_margin=_quick_margin(parameters.get("quick_margin")),
        )


def _flag(text: str | None) -> bool:
    if text not in {None, _TRUE}:
        raise ValueError(f"grayscale is {text!r}; it is {_TRUE!r} or left out")
    return text == _TRUE


def _quick_margin(text: str | None) -> float | None:
    if text is None:
        return None
    times = float(text)
    if not 1 <= times < math.inf:
        raise ValueError(f"quick_margin is {text!r}; it is a number from 1 up")
    return times


def _resize(kind: str | None, pixels: str) -> Resize | None:
    match kind, [int(side) for side in pixels.split("x")] if pixels else []:
        case None, []:
            return None
        case "none", []:
            return NoResize()
        case "shortest_edge", [side] if side > 0:
            return ShortestEdge(side)
        case "stretch", [height, width] if min(height, width) > 0:
            return Stretch(height, width)
        case _:
            raise ValueError(f"resize {kind!r} does not go with resize_pixels {pixels!r}")


def margin(length: int, wanted: int) -> int:
    """How much of a side lies before its middle; below zero is what a smaller picture lacks.

    transformers pads a smaller picture with the larger half on top and left.
    """
    return (length - wanted) // 2


def _three_channels(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB") if image.mode == "L" else image)
