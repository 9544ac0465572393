"""What a person takes away: CSV and JSON of answers and failures."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from ui.calls.predictions import Origin, Prediction, ScoredLabel
from ui.calls.routes import IMAGE_TASK
from ui.components.many_results import to_rows
from ui.errors import GatewayDown, RequestRefused
from ui.outcome import COLUMNS, Outcome, to_csv, to_json
from ui.texts import load_texts

ANSWERED = Outcome(
    'a "b", c.jpg',
    Prediction(
        request_id="req-1",
        alias="digits",
        release="digits_r1",
        labels=(ScoredLabel("7", 0.9), ScoredLabel("일", 0.1)),
        gateway_ms=6.1,
        triton_ms=4.9,
        origin=Origin(arm="canary", revision=3, model_sha256="0d1c", device="cpu"),
    ),
)
REFUSED = Outcome(
    "broken.png",
    RequestRefused(status=422, code="undecodable_image", message="No.", request_id="req-2"),
)
LOST = Outcome("lost.png", GatewayDown("no connection"))


def test_the_csv_has_a_line_for_each_label_and_each_failure() -> None:
    written = to_csv([ANSWERED, REFUSED, LOST])

    assert written.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"))))
    assert list(lines[0]) == list(COLUMNS)
    assert [(it["name"], it["rank"], it["label"]) for it in lines] == [
        ('a "b", c.jpg', "1", "7"),
        ('a "b", c.jpg', "2", "일"),
        ("broken.png", "", ""),
        ("lost.png", "", ""),
    ]
    assert (lines[0]["arm"], lines[0]["request_id"]) == ("canary", "req-1")
    assert (lines[2]["error_code"], lines[2]["request_id"]) == ("undecodable_image", "req-2")
    assert lines[3]["error_code"] == "GatewayDown"


def test_the_json_names_things_as_the_gateway_does() -> None:
    answered, refused, lost = json.loads(to_json([ANSWERED, REFUSED, LOST]))

    assert answered["name"] == 'a "b", c.jpg'
    assert answered["predictions"][1] == {"label": "일", "score": 0.1}
    assert answered["route"] == {"arm": "canary", "revision": 3}
    assert answered["timing"] == {"total_ms": 6.1, "triton_ms": 4.9}
    assert refused["error"] == {"code": "undecodable_image", "message": "No."}
    assert refused["request_id"] == "req-2"
    assert lost["request_id"] == ""


def test_half_of_an_emoji_does_not_keep_anybody_from_the_file() -> None:
    assert b"?" in to_csv([Outcome("\ud83d", GatewayDown("no connection"))])
    assert json.loads(to_json([Outcome("\ud83d", GatewayDown("no connection"))]))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", " =", "\uff1d"])
def test_a_spreadsheet_reckons_nothing_out(sign: str) -> None:
    text = f'{sign}HYPERLINK("http://evil")'
    labels = (ScoredLabel(text, 0.9),)
    answered = Outcome(text, replace(ANSWERED.answer, labels=labels))  # type: ignore[type-var]  # it is an answer
    refused = Outcome(text, RequestRefused(status=422, code=text, message=text, request_id=None))

    written = to_csv([answered, refused]).decode("utf-8-sig")

    first, second = csv.DictReader(io.StringIO(written, newline=""))
    assert {first["name"], first["label"]} == {f"'{text}"}
    assert {second["name"], second["error_code"], second["error"]} == {f"'{text}"}
    assert json.loads(to_json([answered]))[0]["predictions"][0]["label"] == text


def test_the_rows_on_the_page_have_a_csv_of_their_own() -> None:
    named = replace(ANSWERED, name="=1+2.jpg")

    assert to_rows([named], IMAGE_TASK, load_texts("en"))["name"][0] == "'=1+2.jpg"
