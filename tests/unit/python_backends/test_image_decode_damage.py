"""Seeded damage: whatever the bytes are, the answer is a picture or a refusal, never another error.

A crash of one item would fail its whole batch, so this is what keeps neighbours apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from python_backends.shared.errors import InvalidInput
from python_backends.shared.image_decode import decode_image
from tests.pictures import encoded
from tests.unit.python_backends.small_pictures import small_picture

CASES_PER_FILE = 60


def talkative_exif() -> Image.Exif:
    """Tags of several types, in two directories: much to get wrong."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72.0
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    return exif


def with_alpha() -> Image.Image:
    picture = small_picture()
    picture.putalpha(picture.getchannel("R"))
    return picture


EXIF = talkative_exif()
FILES = {
    "JPEG": encoded(small_picture(), "JPEG"),
    "JPEG with EXIF": encoded(small_picture(), "JPEG", exif=EXIF),
    "progressive JPEG": encoded(small_picture(), "JPEG", progressive=True),
    "CMYK JPEG with EXIF": encoded(small_picture().convert("CMYK"), "JPEG", exif=EXIF),
    "multi-picture JPEG": encoded(
        small_picture(), "MPO", save_all=True, append_images=[small_picture()]
    ),
    "PNG with EXIF": encoded(small_picture(), "PNG", exif=EXIF),
    "palette PNG": encoded(small_picture().quantize(16), "PNG", transparency=0),
    "animated PNG": encoded(small_picture(), "PNG", save_all=True, append_images=[with_alpha()]),
    "WebP with EXIF": encoded(small_picture(), "WEBP", exif=EXIF),
    "lossless WebP": encoded(with_alpha(), "WEBP", lossless=True),
    "animated WebP": encoded(small_picture(), "WEBP", save_all=True, append_images=[with_alpha()]),
}


def cut_short(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def flip_bits(data: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(dice.choice([1, 2, 8])):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def overwrite_the_head(data: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(dice.choice([1, 2, 8])):
        damaged[dice.randrange(min(300, len(damaged)))] = dice.randrange(256)
    return bytes(damaged)


def cut_out(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    return data[:start] + data[start + dice.randrange(1, 40) :]


def garbage_behind_the_magic(data: bytes, dice: random.Random) -> bytes:
    return data[:16] + dice.randbytes(dice.randrange(400))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage", [cut_short, flip_bits, overwrite_the_head, cut_out, garbage_behind_the_magic]
)
def test_damaged_files_are_decoded_or_refused_and_nothing_else(
    damage: Callable[[bytes, random.Random], bytes], name: str
) -> None:
    dice = random.Random(f"{name} {damage.__name__}")  # noqa: S311 - repeatable, not secret
    refused = 0

    for _ in range(CASES_PER_FILE):
        try:
            pixels = decode_image(damage(FILES[name], dice), max_pixels=10**5)
        except InvalidInput:
            refused += 1
        else:
            assert pixels.dtype == np.uint8
            assert pixels.ndim == 3
            assert pixels.shape[2] == 3
            assert pixels.flags.c_contiguous

    assert refused > 0  # else the damage did not reach anything


def test_the_undamaged_files_are_all_good() -> None:
    for data in FILES.values():
        assert decode_image(data, max_pixels=10**5).shape in {(24, 40, 3), (40, 24, 3)}
