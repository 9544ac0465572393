"""Resizing as two products of matrices, which a card does faster than anything. Pure.

The matrices hold the weights that Pillow computes for each new pixel; what they are made of and
multiplied with are arrays of NumPy's, or CuPy's on a card.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from PIL import Image

from python_backends.shared.cuda import Array
from python_backends.shared.image_cut import Cut
from python_backends.shared.image_decode import Decoded
from python_backends.shared.image_geometry import turn_upright
from python_backends.shared.image_transform import ImageTransform

# The luma of ITU-R 601-2 in 16 bits. Source: Pillow, Convert.c, L24.
_LUMA: Final = (19595, 38470, 7471)
_LUMA_HALF: Final = 0x8000


@dataclass(frozen=True)
class _Kernel:
    """Weights by distance, in pixels of the smaller picture; none beyond `reach`."""

    reach: float
    weights: Callable[[ModuleType, Array], Array]


def _triangle(xp: ModuleType, distance: Array) -> Array:
    weights: Array = xp.maximum(1 - xp.abs(distance), 0)
    return weights


def _cubic(xp: ModuleType, distance: Array) -> Array:
    """With a = -0.5. Source: Pillow, Resample.c, bicubic_filter."""
    x = xp.abs(distance)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights: Array = xp.where(x < 1, near, xp.where(x < 2, far, 0))
    return weights


def _lanczos(xp: ModuleType, distance: Array) -> Array:
    inside = (distance >= -3) & (distance < 3)
    weights: Array = xp.where(inside, xp.sinc(distance) * xp.sinc(distance / 3), 0)
    return weights


# Those that a quick release may have (docs/adr/0022).
_KERNELS: Final = {
    Image.Resampling.BILINEAR: _Kernel(1, _triangle),
    Image.Resampling.BICUBIC: _Kernel(2, _cubic),
    Image.Resampling.LANCZOS: _Kernel(3, _lanczos),
}


def has_kernel(transform: ImageTransform) -> bool:
    """Whether its filter is one of those that are here."""
    return transform.resize_filter.value in _KERNELS


def reduce(xp: ModuleType, stored: Array, eighths: int) -> Array:
    """A picture as libjpeg-turbo decodes it smaller: each pixel the mean of those it stands for.

    Args:
        xp: NumPy, or CuPy for arrays on a card.
        stored: [H, W, 3], uint8.
        eighths: 1, 2, 4 or 8 of eight rows and columns remain.

    Returns:
        [h, w, 3], uint8, h and w rounded up; the rims go on as they end, as in a JPEG's blocks.
    """
    factor = 8 // eighths
    if factor == 1:
        return stored
    height, width = stored.shape[:2]
    pad = [(0, -height % factor), (0, -width % factor), (0, 0)]
    whole = xp.pad(stored, pad, mode="edge")
    shape = (whole.shape[0] // factor, factor, whole.shape[1] // factor, factor, 3)
    means = whole.reshape(shape).astype(xp.float32).mean(axis=(1, 3))
    reduced: Array = _levels(xp, means).astype(xp.uint8)
    return reduced


def cut_out(xp: ModuleType, decoded: Decoded, transform: ImageTransform) -> Array:
    """Do what `image_cut.cut_out` does.

    Args:
        xp: NumPy, or CuPy for arrays on a card.
        decoded: Its pixels are xp's.
        transform: What is wanted; its filter has a kernel.

    Returns:
        [height_pixels, width_pixels, 3], uint8, RGB: on average a level off Pillow at most.
    """
    cut = Cut.of(decoded, transform)
    stored = decoded.pixels
    planes = _luma(xp, stored)[None] if transform.is_grayscale else xp.moveaxis(stored, -1, 0)
    kernel = _KERNELS[transform.resize_filter.value]
    across = _matrix(xp, stored.shape[1], (cut.region.left, cut.region.right), cut.size[1], kernel)
    down = _matrix(xp, stored.shape[0], (cut.region.top, cut.region.bottom), cut.size[0], kernel)
    # Along rows first, and rounded between, as Pillow does it.
    made = _levels(xp, down @ _levels(xp, planes.astype(xp.float32) @ across.T))
    upright = turn_upright(xp.moveaxis(made.astype(xp.uint8), 0, -1), decoded.orientation)
    pixels: Array = xp.zeros((transform.height_pixels, transform.width_pixels, 3), xp.uint8)
    pixels[cut.target] = upright
    return pixels


def _matrix(
    xp: ModuleType, length: int, edges: tuple[float, float], count: int, kernel: _Kernel
) -> Array:
    """Weights of the pixels of a side, [count, length], float32. Source: Pillow, precompute_coeffs.

    Args:
        xp: As above.
        length: Of the side in pixels.
        edges: Which part of it is resized.
        count: Pixels that are made of the part.
        kernel: How.
    """
    start, stop = edges
    scale = (stop - start) / count
    stretch = max(scale, 1.0)  # Pillow antialiases when it shrinks
    reach = kernel.reach * stretch
    centres = (start + (xp.arange(count) + 0.5) * scale)[:, None]
    places = xp.arange(length)[None, :]
    first = xp.maximum(xp.floor(centres - reach + 0.5), 0)
    behind = xp.minimum(xp.floor(centres + reach + 0.5), length)
    weights = kernel.weights(xp, (places - centres + 0.5) / stretch)
    weights = xp.where((places >= first) & (places < behind), weights, 0)
    matrix: Array = (weights / weights.sum(axis=1, keepdims=True)).astype(xp.float32)
    return matrix


def _levels(xp: ModuleType, values: Array) -> Array:
    """Whole levels, 0 to 255, still as floats."""
    levels: Array = xp.clip(xp.floor(values + 0.5), 0, 255)
    return levels


def _luma(xp: ModuleType, pixels: Array) -> Array:
    weights = xp.asarray(_LUMA, xp.int32)
    luma: Array = ((pixels.astype(xp.int32) * weights).sum(axis=-1) + _LUMA_HALF) >> 16
    return luma
