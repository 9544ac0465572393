"""The answers of a job as the page reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

import httpx
import pytest

from tests.unit.ui.fake_jobs import ID, FakeJobs, answer, job, refusal
from ui.calls import job_answers
from ui.calls.gateway_http import Caller, open_http
from ui.calls.job_answers import decode_glance, download_answers, glance_at_answers
from ui.calls.jobs import JobBody, decode_job
from ui.errors import AnswerNotUnderstood


def caller(gateway: FakeJobs) -> Caller:
    http = open_http("http://gateway", httpx.MockTransport(gateway))
    return Caller(http, key=lambda: "tri_key", patience_seconds=5)


def line(body: object) -> bytes:
    return json.dumps(body).encode()


def test_a_csv_begins_as_excel_wants_it_and_json_lines_come_as_they_are() -> None:
    gateway = FakeJobs(answers=[answer(0)])

    csv = download_answers(caller(gateway), ID, "csv")
    lines = download_answers(caller(gateway), ID, "jsonl")

    assert csv.startswith(b"\xef\xbb\xbfindex,")
    assert json.loads(lines) == answer(0)
    assert [it.url.params["format"] for it in gateway.requests] == ["csv", "jsonl"]


def test_a_glance_reads_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_answers, "GLANCE_BYTES", 200)
    many = [line(answer(number)) + b"\n" for number in range(100)]
    read: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        for piece in many:
            read.append(piece)
            yield piece[:-30]
            yield piece[-30:]

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=pieces()))
    http = open_http("http://gateway", transport)
    asked = Caller(http, key=lambda: "tri_key", patience_seconds=5)

    glance = glance_at_answers(asked, ID)

    assert len(read) < 5
    assert [it.index for it in glance.first] == list(range(len(glance.first)))
    assert 0 < len(glance.first) <= len(read)


def test_errors_are_found_behind_the_first_rows_too() -> None:
    bodies = [*map(answer, range(150)), refusal(150), *map(refusal, range(151, 500))]

    glance = decode_glance(map(line, bodies))

    assert len(glance.first) == 100
    assert len(glance.errors) == 200
    assert glance.errors[0].index == 150


def test_a_name_that_speaks_of_an_error_is_none() -> None:
    glance = decode_glance([line(answer(0, '"error"'))])

    assert glance.errors == ()


def test_half_a_character_in_a_name_spoils_nothing() -> None:
    glance = decode_glance([line(answer(0, "a\ud83d.png"))])

    assert glance.first[0].name == "a?.png"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        line({"index": 1}),
        line({**answer(1), "predictions": []}),
        line(answer(1)).replace(b"0.98", b"NaN"),
        line(answer(1)).replace(b"0.98", b"1e999"),
    ],
)
def test_lines_of_another_shape_are_not_understood(body: bytes) -> None:
    with pytest.raises(AnswerNotUnderstood):
        decode_glance([body])


def test_an_amount_that_is_no_number_is_refused() -> None:
    body = cast("JobBody", job(per_second=1e999))

    with pytest.raises(ValueError, match="no number"):
        decode_job(body)
