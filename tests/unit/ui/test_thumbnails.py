from __future__ import annotations

import base64

import httpx
import pytest

from tests.unit.ui.fake_gateway import FakeGateway, error_body
from ui.calls.gateway_http import Caller, open_http
from ui.calls.thumbnails import SMALL_BYTES, ask_thumbnail, shrink
from ui.encoded_image import EncodedImage
from ui.rgb_picture import RgbPicture

LARGE = EncodedImage("large.jpg", b"x" * (SMALL_BYTES + 1))


@pytest.fixture
def caller(gateway: FakeGateway) -> Caller:
    http = open_http("http://gateway:8080", httpx.MockTransport(gateway))
    return Caller(http, key=lambda: "tri_key", patience_seconds=1)


def test_a_small_picture_is_its_own_thumbnail(caller: Caller, gateway: FakeGateway) -> None:
    small = EncodedImage("small.png", b"x" * SMALL_BYTES)

    assert ask_thumbnail(caller, small, alias="digits") == small.data_url
    assert not gateway.requests


def test_a_large_one_is_shown_as_the_model_saw_it(caller: Caller, gateway: FakeGateway) -> None:
    start, encoded = ask_thumbnail(caller, LARGE, alias="digits").split(",")

    assert start == "data:image/png;base64"
    assert base64.b64decode(encoded).startswith(b"\x89PNG")
    assert gateway.asked("/v1/preview/digits")[0].content == LARGE.data


def test_without_a_preview_there_is_no_thumbnail(caller: Caller, gateway: FakeGateway) -> None:
    gateway.refusal = (503, error_body("inference_unavailable"))

    assert ask_thumbnail(caller, LARGE, alias="digits") == ""


def test_rows_and_columns_are_left_out_evenly() -> None:
    height, width = 128, 131
    rgb = bytes(channel for y in range(height) for x in range(width) for channel in (x, y, 7))

    small = shrink(RgbPicture(height, width, rgb))

    assert (small.height_pixels, small.width_pixels) == (64, 66)
    assert small.rgb[:6] == bytes([0, 0, 7, 2, 0, 7])
    assert small.rgb[-3:] == bytes([130, 126, 7])


def test_a_picture_that_is_small_enough_stays_as_it_is() -> None:
    picture = RgbPicture(1, 2, bytes(6))

    assert shrink(picture) == picture
