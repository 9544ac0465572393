"""A preview through the real Triton has the pixels that the preprocess step's code makes."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest

from python_backends.shared.image_batch import preprocess_image
from python_backends.shared.image_transform import ImageTransform
from tests import pictures

URL = "/v1/preview/digits"
ANY = {"Content-Type": "application/octet-stream"}
# As model_repository/digits_r1_preprocess/config.pbtxt has them.
SIDE = 48
TRANSFORM = ImageTransform.from_parameters(SIDE, SIDE, {"resize_filter": "bilinear"})
MAX_PIXELS = 50_000_000


def pixels_of(encoded: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return preprocess_image(encoded, TRANSFORM, max_pixels=MAX_PIXELS)


def assert_has_the_pixels(gateway: httpx.Client, encoded: bytes) -> None:
    answer = gateway.post(URL, content=encoded, headers=ANY)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Pixels-Shape"] == f"{SIDE},{SIDE},3"
    assert answer.headers["X-Pixels-Type"] == "UINT8"
    assert answer.headers["X-Release"] == "digits_r1"
    assert answer.content == pixels_of(encoded).tobytes()


@pytest.mark.parametrize("file", pictures.sample_files(), ids=lambda file: file.name)
def test_a_sample_has_the_pixels_of_the_shared_code(gateway: httpx.Client, file: Path) -> None:
    assert_has_the_pixels(gateway, file.read_bytes())


def test_a_turned_picture_is_upright(gateway: httpx.Client) -> None:
    turned = pictures.rotated_by_exif(pictures.seven())
    assert_has_the_pixels(gateway, turned)
    upright = pixels_of(pictures.encoded(pictures.seven(), quality=95))
    difference = np.abs(pixels_of(turned).astype(int) - upright.astype(int))
    assert difference.mean() < 3  # JPEG's own loss; lying on its side it is far more


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (pictures.seven_jpeg()[:-400], 422, "undecodable_image"),
        (b"This is no picture.", 422, "undecodable_image"),
        (pictures.bomb_png(), 422, "image_too_large"),
        (b"", 400, "empty_body"),
    ],
    ids=["cut short", "a text", "too many pixels", "nothing"],
)
def test_a_broken_file_is_refused_as_in_a_prediction(
    gateway: httpx.Client, content: bytes, status: int, code: str
) -> None:
    answer = gateway.post(URL, content=content, headers=ANY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert_has_the_pixels(gateway, pictures.seven_jpeg())
