from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparison.http_client import (
    MULTIPART,
    NAIVE,
    OPEN_INFERENCE,
    RAW,
    HttpForm,
    make_requests,
)
from benchmarks.comparison.pictures_on_disk import Pictures
from python_backends.shared.contract import decode_bytes_tensor

ANSWERS = [
    (RAW, {"predictions": [{"label": "7"}, {"label": "1"}]}, ["7"]),
    (MULTIPART, {"results": [{"predictions": [{"label": it}]} for it in "78"]}, ["7", "8"]),
    (NAIVE, {"labels": [7, 1], "scores": [0.9, 0.1]}, ["7"]),
    (
        OPEN_INFERENCE,
        {
            "outputs": [
                {"name": "SCORE", "shape": [2, 2], "data": [0.9, 0.1, 0.8, 0.2]},
                {"name": "LABEL", "shape": [2, 2], "data": ["7", "1", "8", "3"]},
            ]
        },
        ["7", "8"],
    ),
]


@pytest.mark.parametrize(("form", "answer", "labels"), ANSWERS)
def test_the_first_label_of_every_picture_is_read(
    form: HttpForm, answer: object, labels: list[str]
) -> None:
    assert form.read(answer) == labels


def test_a_request_names_its_length_its_alias_and_its_key() -> None:
    (request,) = make_requests(RAW, "tiny", "secret", [[b"JPEG"]])

    head, body = request.split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /v1/predict/tiny HTTP/1.1\r\n")
    assert b"\r\nContent-Length: 4\r\n" in head
    assert b"\r\nX-API-Key: secret" in head
    assert body == b"JPEG"


def test_an_open_inference_request_carries_every_picture_after_its_header() -> None:
    headers, body = OPEN_INFERENCE.write([b"first", b"second one"])

    start = int(headers["Inference-Header-Content-Length"])
    assert decode_bytes_tensor(body[start:]) == [b"first", b"second one"]


def test_batches_begin_with_each_picture_in_turn() -> None:
    pictures = Pictures(Path(), width=1, height=1, contents=(b"a", b"b", b"c"))

    assert pictures.batches(2) == [[b"a", b"b"], [b"b", b"c"], [b"c", b"a"]]
