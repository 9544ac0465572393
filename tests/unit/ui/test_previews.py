"""A preview's bytes and headers, and the PNG that is made of them."""

from __future__ import annotations

import base64
import io
import urllib.parse

import httpx
import pytest
from PIL import Image

from tests.unit.ui.fake_previews import RGB, preview_answer
from ui.calls.gateway_http import Caller, open_http
from ui.calls.previews import preview
from ui.encoded_image import EncodedImage
from ui.errors import AnswerNotUnderstood, RequestRefused
from ui.rgb_picture import RgbPicture

NAPKIN = EncodedImage("napkin.png", b"a one")


def caller_of(answer: httpx.Response, asked: list[httpx.Request] | None = None) -> Caller:
    def transport(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        return answer

    http = open_http("http://gateway", httpx.MockTransport(transport))
    return Caller(http, key=lambda: "tri_key", patience_seconds=1)


def test_a_preview_is_asked_for_with_the_bytes_as_they_are() -> None:
    asked: list[httpx.Request] = []

    shown = preview(caller_of(preview_answer("digits_r2"), asked), NAPKIN, alias="a/b")

    assert shown.release == "digits_r2"
    assert shown.picture == RgbPicture(2, 3, RGB)
    (request,) = asked
    assert request.url.raw_path == b"/v1/preview/a%2Fb"
    assert (request.content, request.headers["Content-Type"]) == (b"a one", "image/png")


@pytest.mark.parametrize(
    "answer",
    [
        preview_answer(X_Pixels_Shape="2,3"),
        preview_answer(X_Pixels_Shape="3,2,3,1"),
        preview_answer(X_Pixels_Shape="2,3,4"),
        preview_answer(X_Pixels_Shape="-2,-3,3"),
        preview_answer(X_Pixels_Shape="0,3,3", rgb=b""),
        preview_answer(X_Pixels_Shape="many"),
        preview_answer(X_Pixels_Type="FP32"),
        preview_answer(rgb=RGB[:-1]),
        httpx.Response(200, content=RGB),
    ],
)
def test_a_preview_of_another_shape_is_not_understood(answer: httpx.Response) -> None:
    with pytest.raises(AnswerNotUnderstood):
        preview(caller_of(answer), NAPKIN, alias="digits")


def test_a_refused_preview_says_why() -> None:
    refusal = {"error": {"code": "undecodable_image", "message": "No.", "request_id": "req-9"}}
    with pytest.raises(RequestRefused, match="undecodable_image"):
        preview(caller_of(httpx.Response(422, json=refusal)), NAPKIN, alias="digits")


def test_the_png_has_the_pixels_and_nothing_else() -> None:
    with Image.open(io.BytesIO(RgbPicture(2, 3, RGB).png)) as picture:
        assert (picture.format, picture.size, picture.mode) == ("PNG", (3, 2), "RGB")
        assert picture.tobytes() == RGB


def test_a_browser_gets_the_png_enlarged_and_in_its_own_proportions() -> None:
    picture = RgbPicture(2, 3, RGB)
    svg = urllib.parse.unquote(picture.data_url.removeprefix("data:image/svg+xml,"))
    assert 'width="300" height="200"' in svg
    assert base64.b64encode(picture.png).decode() in svg


def test_pixels_reach_no_log() -> None:
    assert "ff" not in repr(RgbPicture(2, 3, RGB))
    assert "rgb" not in repr(RgbPicture(2, 3, RGB))
