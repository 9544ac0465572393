"""Ways from encoded bytes to the model's pixels, to be measured beside one another."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from python_backends.image_preprocess.decode_limits import DecodeLimits
from python_backends.image_preprocess.decode_pool import DecodePool
from python_backends.image_preprocess.decoder_main import DecodeJob
from python_backends.shared.image_batch import preprocess_image
from python_backends.shared.image_transform import QUICK_MARGIN, ImageTransform, margin

Pixels = NDArray[np.uint8]
# A batch of encoded images -> [N, H, W, 3], RGB.
Way = Callable[[Sequence[bytes]], Pixels]

MAX_PIXELS: Final = 50_000_000
REFERENCE: Final = "Pillow"
_MARGINS: Final = {"1": 1.0, "1.5": 1.5, "2": 2.0, "3": 3.0, "none: never reduced": 1e6}


def reference(encoded: bytes, transform: ImageTransform) -> Pixels:
    """What torchvision and transformers do, in plain Pillow."""
    with Image.open(io.BytesIO(encoded)) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    height, width = transform.resized(image.height, image.width)
    image = image.resize((width, height), transform.resize_filter.value)
    top, left = margin(height, transform.height_pixels), margin(width, transform.width_pixels)
    if top or left:
        right, bottom = left + transform.width_pixels, top + transform.height_pixels
        image = image.crop((left, top, right, bottom))
    return np.asarray(image)


def ways(transform: ImageTransform, cleanup: ExitStack) -> dict[str, Way]:
    """Every way, ready; `cleanup` ends their processes."""
    prepare = partial(preprocess_image, max_pixels=MAX_PIXELS)
    exact = partial(prepare, transform=transform)
    quick = {
        name: partial(prepare, transform=replace(transform, quick_margin=times))
        for name, times in _MARGINS.items()
    }
    served = partial(prepare, transform=replace(transform, quick_margin=QUICK_MARGIN))
    return {
        REFERENCE: partial(_one_by_one, partial(reference, transform=transform)),
        "exact, as older releases": partial(_one_by_one, exact),
        **{f"quick, margin {name}": partial(_one_by_one, one) for name, one in quick.items()},
        "exact, through DecodePool": _pooled(exact, transform, cleanup),
        f"quick, margin {QUICK_MARGIN:g}, through DecodePool": _pooled(served, transform, cleanup),
    }


def _one_by_one(decode: Callable[[bytes], Pixels], images: Sequence[bytes]) -> Pixels:
    return np.stack([decode(image) for image in images])


def _pooled(
    decode: Callable[[bytes], Pixels], transform: ImageTransform, cleanup: ExitStack
) -> Way:
    limits = DecodeLimits.from_parameters({"max_pixels": str(MAX_PIXELS)})
    shape = (transform.height_pixels, transform.width_pixels, 3)
    pool = DecodePool(DecodeJob(decode, shape, limits.memory_bytes), limits)
    cleanup.callback(pool.close)
    return partial(_through, pool)


def _through(pool: DecodePool, images: Sequence[bytes]) -> Pixels:
    batch = np.empty((len(images), 1), np.object_)
    batch[:, 0] = images
    return pool.decode_images(batch)[0]
