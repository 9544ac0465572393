"""How training code opens a picture: Pillow, upright, RGB or grey. Not our decoder, on purpose."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from triptych.errors import OptionInvalid
from triptych.export.image_options import ImageInput
from triptych.export.loaded_model import Tensors


def open_picture(encoded: bytes, *, is_grayscale: bool = False) -> Image.Image:
    """Decode as transformers.image_utils.load_image does.

    Raises:
        OptionInvalid: Pillow cannot read the bytes.
    """
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Exception as exc:  # damaged files make Pillow raise much besides its own
        raise OptionInvalid(f"Pillow cannot read it ({type(exc).__name__})") from exc
    return upright.convert("L") if is_grayscale else upright


def open_pixels(encoded: bytes) -> NDArray[np.uint8]:
    """The same as [H, W, 3], uint8, RGB."""
    return np.asarray(open_picture(encoded))


def declared_preparation(image: ImageInput) -> Callable[[bytes], Tensors]:
    """What SourceModel.prepare is where the source brings no preprocessing of its own.

    The transform is then what the options declare; decoding is Pillow's all the same.
    """

    def prepare(encoded: bytes) -> Tensors:
        pixels = image.transform.apply(open_pixels(encoded))
        return (image.normalisation.apply(pixels[None])[0],)

    return prepare
