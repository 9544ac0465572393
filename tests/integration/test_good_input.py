"""Everything that is a picture of a digit gets the digit."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests import pictures


@pytest.mark.parametrize("file", pictures.sample_files(), ids=lambda file: file.name)
def test_a_held_out_sample_gets_its_digit(gateway: httpx.Client, file: Path) -> None:
    media_type = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}[file.suffix]
    response = gateway.post(
        "/v1/predict/digits", content=file.read_bytes(), headers={"Content-Type": media_type}
    )
    body = response.json()
    assert response.status_code == 200, body
    assert body["predictions"][0]["label"] == pictures.true_digit(file)
    assert body["alias"] == "digits"
    assert body["release"] == "digits_r1"
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert len(body["predictions"]) == 5
    assert 0 < body["timing"]["triton_ms"] <= body["timing"]["total_ms"]


ENCODINGS = {
    "progressive JPEG": lambda: pictures.encoded(pictures.seven(), progressive=True),
    "CMYK JPEG": lambda: pictures.encoded(pictures.seven().convert("CMYK"), quality=95),
    "grey JPEG": lambda: pictures.encoded(pictures.seven().convert("L"), quality=95),
    "16-bit PNG": lambda: pictures.sixteen_bit_png(pictures.seven()),
    "palette PNG": lambda: pictures.encoded(pictures.seven().quantize(64), "PNG"),
    "transparent PNG": lambda: pictures.transparent_png(pictures.seven()),
    "EXIF-rotated JPEG": lambda: pictures.rotated_by_exif(pictures.seven()),
    "lossless WebP": lambda: pictures.encoded(pictures.seven(), "WEBP", lossless=True),
    "8x8 PNG": lambda: pictures.encoded(
        pictures.seven().resize((8, 8), Image.Resampling.BOX), "PNG"
    ),
    "12 megapixel JPEG": lambda: pictures.encoded(pictures.seven().resize((4000, 3000))),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_valid_encoding_of_a_seven_is_a_seven(gateway: httpx.Client, name: str) -> None:
    body = ENCODINGS[name]()
    response = gateway.post(
        "/v1/predict/digits", content=body, headers={"Content-Type": "application/octet-stream"}
    )
    assert response.status_code == 200, response.text
    assert response.json()["predictions"][0]["label"] == "7"


def test_top_k_cuts_the_answer_and_scores_fall(gateway: httpx.Client) -> None:
    response = gateway.post(
        "/v1/predict/digits",
        params={"top_k": 10},
        content=pictures.seven_jpeg(),
        headers={"Content-Type": "image/jpeg"},
    )
    scores = [item["score"] for item in response.json()["predictions"]]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1.0, abs=1e-4)


def test_a_form_with_every_sample_is_answered_in_order(gateway: httpx.Client) -> None:
    files = pictures.sample_files()
    parts = [("file", (file.name, file.read_bytes(), "image/jpeg")) for file in files]
    results = gateway.post("/v1/predict/digits", files=parts).json()["results"]
    assert [result["filename"] for result in results] == [file.name for file in files]
    answered = [result["predictions"][0]["label"] for result in results]
    assert answered == [pictures.true_digit(file) for file in files]
