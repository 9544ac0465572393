"""An image transform said in options or YAML, for sources that bring none of their own. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from python_backends.shared.image_transform import (
    ImageTransform,
    NoResize,
    Resize,
    ResizeFilter,
    ShortestEdge,
    Stretch,
)
from triptych.errors import OptionInvalid
from triptych.export.normalisation import Normalisation

# Four thousand squared is fifty megabytes for each item between two steps; nobody serves more.
_LARGEST_SIDE: Final = 4096
FIELDS: Final = (
    "size",
    "resize",
    "filter",
    "rescale",
    "mean",
    "std",
    "channels",
    "layout",
)
Value = TypeVar("Value")
_CHANNELS: Final = {"rgb": (0, 1, 2), "bgr": (2, 1, 0), "gray": (0,)}
_LAYOUTS: Final = {"nchw": True, "nhwc": False}


@dataclass(frozen=True)
class ImageInput:
    """A transform and the normalisation after it."""

    transform: ImageTransform
    normalisation: Normalisation


def read_image_input(
    given: Mapping[str, object], *, is_channels_first: bool, own_size: tuple[int, int] | None = None
) -> ImageInput:
    """Read the fields of a transform.

    Args:
        given: size ("224" or "192x256", height first), resize ("stretch", "none", "256" for the
            shortest edge, or "256x256"), filter, rescale (a factor), mean and std (one number or
            one per channel), channels (rgb, bgr, gray), layout (nchw, nhwc).
        is_channels_first: What the framework usually takes.
        own_size: Height and width that the network fixes, if it does.

    Raises:
        OptionInvalid: a field is unknown, missing or has no meaning.
    """
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise OptionInvalid(f"A transform has no {unknown[0]!r}; it has {', '.join(FIELDS)}.")
    height, width = _size(given.get("size"), own_size)
    channels = _choice("channels", given.get("channels", "rgb"), _CHANNELS)
    filter_name = given.get("filter", "bilinear")
    filters = {name.lower(): name for name in ResizeFilter.__members__}
    transform = ImageTransform(
        height,
        width,
        ResizeFilter[_choice("filter", filter_name, filters)],
        _resize(given.get("resize", "stretch")),
        is_grayscale=channels == (0,),
    )
    layout = given.get("layout")
    normalisation = Normalisation.of(
        _per_channel("mean", given.get("mean", 0.0), len(channels)),
        _per_channel("std", given.get("std", 1.0), len(channels)),
        rescale=_factor("rescale", given.get("rescale", 1 / 255)),
        channels=channels,
        is_channels_first=is_channels_first
        if layout is None
        else _choice("layout", layout, _LAYOUTS),
    )
    return ImageInput(transform, normalisation)


def _size(given: object, own: tuple[int, int] | None) -> tuple[int, int]:
    if given is None:
        if own is None:
            raise OptionInvalid("This source says nothing about its input; give --size, e.g. 224.")
        return own
    sides = _sides(given)
    if len(sides) not in {1, 2}:
        raise OptionInvalid(f"size is {given!r}; write 224, or height x width as 192x256.")
    size = (sides[0], sides[-1])
    if max(size) > _LARGEST_SIDE:
        raise OptionInvalid(f"size is {given!r}; at most {_LARGEST_SIDE} pixels a side can be.")
    if own is not None and size != own:
        raise OptionInvalid(f"size is {given!r}, but the network takes {own[0]}x{own[1]}.")
    return size


def _resize(given: object) -> Resize | None:
    if given == "stretch":
        return None
    if given == "none":
        return NoResize()
    sides = _sides(given)
    if len(sides) == 1:
        return ShortestEdge(sides[0])
    if len(sides) == 2:
        return Stretch(*sides)
    raise OptionInvalid(
        f"resize is {given!r}; it is stretch, none, 256 (shortest edge) or 256x256."
    )


def _sides(given: object) -> list[int]:
    """The lengths in "224" or "192x256"; empty where anything else stands there."""
    parts = str(given).lower().split("x")
    lengths = [int(part) for part in parts if part.isdecimal()]
    return lengths if len(lengths) == len(parts) and min(lengths) > 0 else []


def _choice(field: str, given: object, choices: Mapping[str, Value]) -> Value:
    if str(given).lower() not in choices:
        raise OptionInvalid(f"{field} is {given!r}; it is one of {', '.join(choices)}.")
    return choices[str(given).lower()]


def _number(field: str, given: object) -> float:
    try:
        number = float(str(given))
    except ValueError as exc:
        raise OptionInvalid(f"{field} is {given!r}; it is a number.") from exc
    if not math.isfinite(number):
        raise OptionInvalid(f"{field} is {given!r}; it is a finite number.")
    return number


def _factor(field: str, given: object) -> float:
    number = _number(field, given)
    if not number:
        raise OptionInvalid(f"{field} is {given!r}; that would make every pixel the same.")
    return number


def _per_channel(field: str, given: object, channels: int) -> tuple[float, ...]:
    parts = given if isinstance(given, list | tuple) else str(given).split(",")
    numbers = tuple(_number(field, part) for part in parts)
    if len(numbers) == 1:
        numbers *= channels
    if len(numbers) != channels or (field == "std" and 0.0 in numbers):
        raise OptionInvalid(f"{field} is {given!r}; write one number, or one for each channel.")
    return numbers
