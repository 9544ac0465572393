"""The pictures that training and evaluation look at, and the way from each to the model's input."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from examples.digits.photograph import take_photograph
from examples.digits.scans import FULL_INK
from examples.digits.strokes import DigitShape, enlarge
from python_backends.shared.image_decode import decode_image
from python_backends.shared.image_transform import ImageTransform, ResizeFilter

TRANSFORM: Final = ImageTransform(48, 48, ResizeFilter.BILINEAR)
MAX_PIXELS: Final = 50_000_000
_CLEAN_FACTOR: Final = 20


def to_model_input(encoded: bytes, transform: ImageTransform = TRANSFORM) -> NDArray[np.uint8]:
    """Decode and resize exactly as the served preprocessor does.

    Returns:
        [H, W, 3], uint8, RGB, with the height and width of `transform`, 48 x 48 by default.
    """
    return transform.apply(decode_image(encoded, max_pixels=MAX_PIXELS))


def encode_picture(pixels: NDArray[np.uint8], file_format: str, quality: int = 90) -> bytes:
    """Encode [H, W, 3], uint8, RGB (or [H, W], grey) as "PNG", "JPEG" or "WEBP"."""
    buffer = io.BytesIO()
    options = {} if file_format == "PNG" else {"quality": quality}
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


def encode_anyhow(pixels: NDArray[np.uint8], rng: Generator) -> bytes:
    """Encode [H, W, 3], uint8, RGB in a random format and quality."""
    file_format = str(rng.choice(["PNG", "JPEG", "WEBP"], p=[0.4, 0.45, 0.15]))
    return encode_picture(pixels, file_format, quality=int(rng.integers(45, 96)))


def raw_scan(image: NDArray[np.float32], *, is_inverted: bool = False) -> NDArray[np.uint8]:
    """Show a scan as it is; `image` is [8, 8], 0 to 16; the answer [8, 8], uint8, dark on white."""
    ink = np.clip(image / FULL_INK, 0, 1)
    return _shade(ink, is_inverted=is_inverted)


def clean_scan(image: NDArray[np.float32], *, is_inverted: bool = False) -> NDArray[np.uint8]:
    """Show a scan smoothly enlarged; `image` as above; the answer [160, 160], uint8, grey."""
    return _shade(enlarge(image[None], _CLEAN_FACTOR)[0], is_inverted=is_inverted)


def training_input(
    shape: DigitShape,
    image: NDArray[np.float32],
    rng: Generator,
    transform: ImageTransform = TRANSFORM,
) -> NDArray[np.uint8]:
    """Make one picture to learn from: mostly a photograph, sometimes a plain or a tiny scan.

    Returns:
        [H, W, 3], uint8, RGB, with the height and width of `transform`, 48 x 48 by default.
    """
    if rng.random() < 0.12:
        return transform.apply(_plain_scan(image, rng))
    photograph = take_photograph(shape, rng)
    if rng.random() < 0.5:
        # PNG changes nothing, so only the other formats are worth their time.
        photograph = decode_image(encode_lossy(photograph, rng), max_pixels=MAX_PIXELS)
    return transform.apply(photograph)


def encode_lossy(pixels: NDArray[np.uint8], rng: Generator) -> bytes:
    """Encode [H, W, 3], uint8, RGB as JPEG of random quality, rarely as WebP."""
    file_format = "WEBP" if rng.random() < 0.1 else "JPEG"
    return encode_picture(pixels, file_format, quality=int(rng.integers(45, 96)))


def _plain_scan(image: NDArray[np.float32], rng: Generator) -> NDArray[np.uint8]:
    """Show a scan without any photograph around it: [S, S, 3], uint8, S from 8 to 60."""
    is_inverted = rng.random() < 0.5
    margin = int(rng.integers(0, 3))
    if rng.random() < 0.5:
        grey = raw_scan(np.pad(image, margin), is_inverted=is_inverted)
    else:
        grey = _shade(enlarge(image[None], 5, margin)[0], is_inverted=is_inverted)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _shade(ink: NDArray[np.float32], *, is_inverted: bool) -> NDArray[np.uint8]:
    """Turn ink, 0 to 1 and a little beyond, into grey levels."""
    light = ink if is_inverted else 1 - ink
    return np.clip(light * 255 + 0.5, 0, 255).astype(np.uint8)
