"""Where the time of one picture goes, stage by stage, in this process."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.preprocess_pictures import photograph
from python_backends.image_preprocess.decode_channel import PictureMemory
from python_backends.shared.image_geometry import Region
from python_backends.shared.image_resize import resize_region

Stage = Callable[[], object]
_BILINEAR: Final = Image.Resampling.BILINEAR
_SETUPS: Final = ((500, 375, 224), (500, 375, 48), (4000, 3000, 224))


def stage_table(rounds: int) -> list[str]:
    """CPU ms of each stage, by picture and final size."""
    columns = [_measure(_stages(*setup), rounds) for setup in _SETUPS]
    heads = [f"{width}x{height} to {size}" for width, height, size in _SETUPS]
    lines = ["| CPU ms | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for name in columns[0]:
        row = " | ".join(f"{cells[name]:.3f}" for cells in columns)
        lines.append(f"| {name} | {row} |")
    return lines


def _measure(stages: dict[str, Stage], rounds: int) -> dict[str, float]:
    samples: dict[str, list[float]] = {name: [] for name in stages}
    for _ in range(rounds):
        for name, stage in stages.items():
            began = time.process_time()
            for _ in range(3):
                stage()
            samples[name].append((time.process_time() - began) / 3 * 1000)
    return {name: statistics.median(values) for name, values in samples.items()}


def _stages(width: int, height: int, size: int) -> dict[str, Stage]:
    data = photograph(width, height)
    eighths = next(n for n in (1, 2, 4, 8) if n == 8 or height * n >= 8 * size * 2)
    decode = partial(simplejpeg.decode_jpeg, data, colorspace="RGB")
    reduce = partial(decode, min_height=height * eighths // 8, min_width=width * eighths // 8)
    pixels, reduced = decode(), reduce()
    image = Image.fromarray(pixels)
    small = image.resize((size, size), _BILINEAR)
    made, target = np.asarray(small), np.zeros((size, size, 3), np.uint8)
    memory = PictureMemory.create((size, size, 3))
    return {
        "Pillow: open and decode": lambda: Image.open(io.BytesIO(data)).load(),
        "Pillow: resize": lambda: image.resize((size, size), _BILINEAR),
        "Pillow: to numpy": lambda: np.asarray(small),
        "simplejpeg: header": lambda: simplejpeg.decode_jpeg_header(data),
        "simplejpeg: decode": decode,
        "simplejpeg: decode, fastdct": partial(decode, fastdct=True),
        "simplejpeg: decode, fastupsample": partial(decode, fastupsample=True),
        "simplejpeg: decode, margin 2": reduce,
        "numpy to Pillow (RGB to RGBX)": lambda: Image.fromarray(pixels),
        "quick resize of the whole": partial(_quick, pixels, size),
        "quick resize of the reduced": partial(_quick, reduced, size),
        "bytes into shared memory": lambda: memory.write_input(data),
        "bytes out of it": lambda: memory.read_input(len(data)),
        "pixels into it": lambda: memory.write_pixels(made),
        "pixels into the batch": lambda: memory.read_pixels(target),
    }


def _quick(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], size: int) -> object:
    whole = Region(0, 0, pixels.shape[0], pixels.shape[1])
    return resize_region(pixels, whole, (size, size), _BILINEAR)
