from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from python_backends.shared.cuda import Card, find_card, to_host
from python_backends.shared.image_decode_gpu import find_decoder, plain_size
from tests.fakes.fake_cupy import install_fake_cupy
from tests.fakes.fake_nvimgcodec import install_fake_nvimgcodec
from tests.pictures import encoded
from tests.unit.python_backends.small_pictures import (
    HEIGHT,
    WIDTH,
    exif_with_orientation,
    small_picture,
)

JPEG = encoded(small_picture(), quality=95)
FRAME = JPEG.index(b"\xff\xc0")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    install_fake_cupy(monkeypatch)
    card = find_card(0)
    assert card is not None
    return card


@pytest.mark.parametrize(
    "image",
    [
        JPEG,
        encoded(small_picture(), progressive=True),
        encoded(small_picture().convert("L")),
        encoded(small_picture(), exif=exif_with_orientation(6)),
    ],
    ids=["baseline", "progressive", "grey", "with EXIF"],
)
def test_a_plain_jpeg_is_for_the_card_by_the_size_in_its_file(image: bytes) -> None:
    assert plain_size(image) == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"no image",
        encoded(small_picture(), "PNG"),
        encoded(small_picture(), "WEBP"),
        encoded(small_picture().convert("CMYK")),
        JPEG[:-2],
        JPEG[: FRAME + 5] + b"\xff\xd9",
        JPEG[:FRAME] + b"\xff\xc9" + JPEG[FRAME + 2 :],
        JPEG[: FRAME + 4] + b"\x0c" + JPEG[FRAME + 5 :],
        JPEG[: FRAME + 5] + b"\x00\x00" + JPEG[FRAME + 7 :],
        JPEG[: FRAME + 9] + b"\x02" + JPEG[FRAME + 10 :],
        b"\xff\xd8\xff\xd9",
    ],
    ids=[
        *("nothing", "text", "PNG", "WebP", "CMYK", "cut off", "cut off in its header"),
        *("arithmetic codes", "12 bits", "no height", "two components", "no frame"),
    ],
)
def test_anything_else_is_for_the_processor_to_judge(image: bytes) -> None:
    assert plain_size(image) is None


def test_a_batch_is_decoded_by_one_call_and_what_fails_is_none(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = install_fake_nvimgcodec(monkeypatch)
    decoder = find_decoder(card)
    assert decoder is not None

    broken = [b"\xff\xd8\xff broken \xff\xd9", b"\xff\xd8\xff unreadable \xff\xd9"]
    picture, *nothing = decoder.decode([JPEG, *broken])

    assert codec.batches == [2]
    assert nothing == [None, None]
    assert decoder.decode(broken[1:]) == [None]
    assert picture is not None
    difference = np.abs(to_host(picture).astype(int) - np.asarray(small_picture()))
    assert difference.mean() < 3


def test_nothing_of_it_is_decoded_by_processors_alone(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = install_fake_nvimgcodec(monkeypatch)
    find_decoder(card)

    assert codec.made_with == {
        "device_id": 0,
        "max_num_cpu_threads": 1,
        "backends": ["hw", "gpu", "hybrid"],
        "options": ":fancy_upsampling=1",
    }


def test_without_it_there_is_no_decoder(card: Card) -> None:
    assert find_decoder(card) is None


def test_other_packages_of_nvidias_are_not_it(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_nvimgcodec(monkeypatch)
    monkeypatch.delitem(sys.modules, "nvidia.nvimgcodec")
    package = ModuleType("nvidia")
    package.__spec__ = sys.modules["nvidia"].__spec__
    monkeypatch.setitem(sys.modules, "nvidia", package)

    assert find_decoder(card) is None
