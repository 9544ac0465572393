"""The Jobs page: handing one in."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import SENTIMENT, FakeClock, error_body
from tests.unit.ui.fake_jobs import FakeJobs, job
from tests.unit.ui.jobs_page import OpenPage, field, press, said
from tests.unit.ui.releases_page import look_again

SEVEN = ("칠 7.png", b"a seven", "image/png")
ZIP = ("many.zip", b"PK", "application/zip")


@pytest.fixture
def gateway() -> FakeJobs:
    return FakeJobs(jobs=[job(done=0)])


def give(page: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    return page.file_uploader[0].set_value(files).run()


def test_pictures_are_handed_in_as_a_form(open_page: OpenPage, gateway: FakeJobs) -> None:
    page = give(open_page("jobs"), SEVEN, ("one.jpg", b"a one", "image/jpeg"))
    assert "Files here: 2 (12 B)" in said(page)
    page = press(page, "Hand in")

    assert not page.exception
    [order] = gateway.orders("POST")
    assert dict(order.url.params) == {"alias": "digits"}
    assert order.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert order.content.count(b'name="files"') == 2
    assert 'filename="칠 7.png"\r\nContent-Type: image/png\r\n\r\na seven'.encode() in order.content
    assert page.toast[0].value == "The job is handed in."
    assert "job `00000000000000aa`" in said(page)
    assert page.file_uploader[0].value == []


def test_an_archive_is_handed_in_as_it_is(open_page: OpenPage, gateway: FakeJobs) -> None:
    page = give(open_page("jobs"), ZIP)
    field(page, "number_input", "Labels for each").set_value(3)
    press(page, "Hand in")

    [order] = gateway.orders("POST")
    assert order.headers["Content-Type"] == "application/zip"
    assert order.content == b"PK"
    assert dict(order.url.params) == {"alias": "digits", "top_k": "3"}


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.TAR", "application/x-tar"),
        ("a.tar.gz", "application/gzip"),
        ("a.tgz", "application/gzip"),
    ],
)
def test_each_kind_of_archive_says_what_it_is(
    open_page: OpenPage, gateway: FakeJobs, name: str, content_type: str
) -> None:
    press(give(open_page("jobs"), (name, b"tar", "")), "Hand in")

    assert gateway.orders("POST")[0].headers["Content-Type"] == content_type


def test_texts_are_handed_in_line_by_line(open_page: OpenPage, gateway: FakeJobs) -> None:
    gateway.routes = [dict(SENTIMENT)]
    page = open_page("jobs")
    assert not page.file_uploader
    page = press(page, "Hand in")
    assert "Write a text first." in said(page)
    field(page, "text_area", "One text per line").input('Good "day"\n\n  \n좋아요')
    page = press(page, "Hand in")

    assert not page.exception
    [order] = gateway.orders("POST")
    assert order.headers["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in order.content.splitlines()]
    assert lines == ['Good "day"', "좋아요"]
    assert field(page, "text_area", "One text per line").value == ""


def test_a_source_is_offered_where_the_operator_allows_one(
    open_page: OpenPage, gateway: FakeJobs, clock: FakeClock
) -> None:
    assert not open_page("jobs").radio
    gateway.sources = ["photos", "scans"]
    page = look_again(open_page("jobs"), clock)
    field(page, "radio", "Where they are").set_value(True).run()
    field(page, "selectbox", "Source").select("scans")
    field(page, "text_input", "Only what is below").input(" 2026/ ")
    page = press(page, "Hand in")

    assert not page.exception
    [order] = gateway.orders("POST")
    assert order.headers["Content-Type"] == "application/json"
    assert json.loads(order.content) == {"source": "scans", "prefix": "2026/"}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((), "Give pictures or an archive first."),
        ((ZIP, SEVEN), "Give one archive alone, or pictures."),
        ((("big.png", bytes(1024 * 1024 + 1), ""),), "Together they are more than 1 MB."),
    ],
)
def test_what_cannot_be_a_job_is_not_sent(
    open_page: OpenPage,
    gateway: FakeJobs,
    files: tuple[tuple[str, bytes, str], ...],
    words: str,
) -> None:
    page = press(give(open_page("jobs", max_job_megabytes=1), *files), "Hand in")

    assert words in said(page)
    assert gateway.orders("POST") == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (429, "job_quota", "This key has as many jobs as it may have"),
        (400, "malformed_archive", "This archive cannot be read"),
        (413, "payload_too_large", "This is more than one job may hold"),
        (503, "storage_unavailable", "The service cannot keep this now"),
        (400, "unknown_source", "The service could not accept this"),
        (429, "rate_limited", "The service is busy"),
    ],
)
def test_a_refused_job_is_told_in_plain_words_and_can_be_tried_again(
    open_page: OpenPage, gateway: FakeJobs, status: int, code: str, words: str
) -> None:
    gateway.order_refusal = (status, error_body(code))
    page = press(give(open_page("jobs"), SEVEN), "Hand in")
    assert words in said(page)
    assert "Request id `req-9`" in said(page)
    gateway.order_refusal = None
    page = press(page, "Hand in")

    assert not page.error
    first, second = gateway.orders("POST")
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_what_is_handed_in_anew_is_another_job(open_page: OpenPage, gateway: FakeJobs) -> None:
    page = press(give(open_page("jobs"), SEVEN), "Hand in")
    press(give(page, SEVEN), "Hand in")

    first, second = gateway.orders("POST")
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]


def test_without_a_model_there_is_nothing_to_fill_in(
    open_page: OpenPage, gateway: FakeJobs
) -> None:
    gateway.routes, gateway.jobs = [], []
    page = open_page("jobs")

    assert not page.exception
    assert "none yet" in said(page)
    assert "/v1/jobs?alias=digits" in page.code[0].value


def test_the_command_for_texts_names_another_file(open_page: OpenPage, gateway: FakeJobs) -> None:
    gateway.routes, gateway.jobs = [dict(SENTIMENT)], []
    page = open_page("jobs")

    assert "-T texts.jsonl" in page.code[0].value
    assert "alias=sentiment" in page.code[0].value
