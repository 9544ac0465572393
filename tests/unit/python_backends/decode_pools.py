"""Pools of decoders for tests: with limits that a test can wait for, and gone at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from python_backends.image_preprocess.decode_limits import DecodeLimits
from python_backends.image_preprocess.decode_pool import DecodePool
from python_backends.image_preprocess.decoder_main import DecodeImage, DecodeJob
from python_backends.shared.image_transform import ImageTransform
from tests import poison_decoder
from tests.left_over import alive_after

TRANSFORM = ImageTransform(32, 40)
SHAPE = (32, 40, 3)
MAX_PIXELS = 50_000_000


def poisonable() -> DecodeImage:
    return partial(poison_decoder.preprocess_image, transform=TRANSFORM, max_pixels=MAX_PIXELS)


@contextmanager
def decode_pool(decode: DecodeImage | None = None, **parameters: int) -> Iterator[DecodePool]:
    """A pool; at its end nothing of it may be left."""
    before = open_files()
    texts = {name: str(value) for name, value in parameters.items()}
    limits = DecodeLimits.from_parameters({"max_pixels": str(MAX_PIXELS), **texts})
    job = DecodeJob(decode or poisonable(), SHAPE, limits.memory_bytes)
    pool = DecodePool(job, limits)
    try:
        yield pool
        family = relatives()
    finally:
        pool.close()
    assert alive_after(family, 5.0) == []
    assert open_files() <= before  # what earlier tests left may be collected meanwhile


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def relatives() -> list[psutil.Process]:
    """The nursery and its decoders."""
    return psutil.Process().children(recursive=True)


def nursery() -> psutil.Process:
    (only,) = (
        child for child in psutil.Process().children() if "serve_nursery" in str(child.cmdline())
    )
    return only


def batch_of(*images: bytes) -> NDArray[np.object_]:
    """As Triton hands BYTES [1] over: [N, 1], object."""
    batch = np.empty((len(images), 1), np.object_)
    batch[:, 0] = images
    return batch
