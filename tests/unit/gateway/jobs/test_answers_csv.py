"""Answers as a spreadsheet shows them."""

from __future__ import annotations

import csv
import io

import pytest

from gateway.jobs.answers_csv import AnswerTable
from tests.unit.gateway.jobs.some_answers import as_lines, line, refused


def opened(table: AnswerTable, lines: bytes) -> list[dict[str, str]]:
    """As a program reads it."""
    text = (table.header() + table.rows(lines)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_one_row_per_item_with_its_best_label_or_why_there_is_none() -> None:
    answer, failure = opened(AnswerTable(1), as_lines(line(0, truncated=True), refused(1)))

    assert answer == {
        "index": "0",
        "name": "0.png",
        "label": "7",
        "score": "0.75",
        "release": "digits_r1",
        "truncated": "true",
        "error_code": "",
        "error_message": "",
    }
    assert failure == {
        "index": "1",
        "name": "1.txt",
        "label": "",
        "score": "",
        "release": "digits_r1",
        "truncated": "",
        "error_code": "undecodable_image",
        "error_message": "it is no image",
    }


def test_where_more_labels_were_asked_for_they_stand_behind() -> None:
    (row,) = opened(AnswerTable(3), as_lines(line(0)))

    assert list(row)[-4:] == ["label_2", "score_2", "label_3", "score_3"]
    assert list(row.values())[-4:] == ["1", "0.25", "", ""]
    assert row["label"] == "7"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "  =", "\uff1d"])
def test_nothing_that_comes_from_elsewhere_is_reckoned_out(sign: str) -> None:
    evil = f"{sign}HYPERLINK()"
    answer = line(0, name=evil, predictions=[{"label": evil, "score": -0.5}])
    failure = {**refused(1), "error": {"code": evil, "message": evil}}

    first, second = opened(AnswerTable(1), as_lines(answer, failure))

    found = (first["name"], first["label"], second["error_code"], second["error_message"])
    assert found == (f"'{evil}",) * 4
    assert first["score"] == "-0.5"


def test_any_name_stays_in_its_cell() -> None:
    odd = 'a,"b"\r\nc\u2028ü'

    (row,) = opened(AnswerTable(1), as_lines(line(0, name=odd)))

    assert row["name"] == odd


def test_what_has_no_bytes_in_utf_8_is_a_question_mark_and_no_name_is_an_empty_cell() -> None:
    first, second = opened(AnswerTable(1), as_lines(line(0, name="\udcff"), line(1, name="")))

    assert (first["name"], second["name"]) == ("?", "")
