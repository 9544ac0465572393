"""What a job is made of, and that a submission which is sent again makes no second job."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.triptych.client.fake_gateway import refusal
from tests.unit.triptych.client.fake_jobs import Call, FakeJobs, away, call_async, call_sync
from triptych.client import Refused, Unavailable


@pytest.fixture(params=[call_sync, call_async], ids=["Client", "AsyncClient"])
def call(request: pytest.FixtureRequest) -> Call:
    made: Call = request.param
    return made


@pytest.fixture
def gateway() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "b.png": b"B",
        "a/c.jpg": b"C" * 700,
        "a/n.txt": b"",
        ".git/x": b"?",
    }.items():
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "photos"


def members(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:") as tar:
        return {it.name: (tar.extractfile(it) or io.BytesIO()).read() for it in tar}


def test_a_folder_is_sent_as_a_tar_whose_length_is_told_before(
    call: Call, gateway: FakeJobs, folder: Path
) -> None:
    job = call(
        gateway, "submit", "digits", folder=folder, top_k=3, webhook="https://shop.example/x"
    )

    (asked,), (body,) = gateway.asked, gateway.bodies
    assert job.id == "0000000000000000"
    assert (asked.method, asked.url.path) == ("POST", "/v1/jobs")
    assert dict(asked.url.params) == {
        "alias": "digits",
        "top_k": "3",
        "webhook": "https://shop.example/x",
    }
    assert asked.headers["Content-Type"] == "application/x-tar"
    assert asked.headers["Authorization"] == "Bearer k3y"
    assert int(asked.headers["Content-Length"]) == len(body)
    assert "Transfer-Encoding" not in asked.headers
    # Unpacking gigabytes takes longer than a prediction may.
    assert (asked.extensions["timeout"]["read"], asked.extensions["timeout"]["connect"]) == (
        300,
        10,
    )
    assert members(body) == {"a/c.jpg": b"C" * 700, "a/n.txt": b"", "b.png": b"B"}
    assert list(members(body)) == ["a/c.jpg", "a/n.txt", "b.png"]


def test_a_pattern_chooses_among_the_files(call: Call, gateway: FakeJobs, folder: Path) -> None:
    call(gateway, "submit", "digits", folder=str(folder), pattern="a/*.jpg")

    assert list(members(gateway.bodies[0])) == ["a/c.jpg"]


def test_files_have_the_names_that_they_are_given(
    call: Call, gateway: FakeJobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    call(gateway, "submit", "digits", files=[("1", b"x"), ("2", Path("b.png")), "./a/c.jpg"])

    assert members(gateway.bodies[0]) == {"1": b"x", "2": b"B", "a/c.jpg": b"C" * 700}


def test_texts_are_lines_of_json_that_may_be_made_while_they_are_sent(
    call: Call, gateway: FakeJobs
) -> None:
    def texts() -> Iterator[str | tuple[str, str]]:
        yield "Zürich\nis wet"
        yield ("7", "half \ud83d")

    call(gateway, "submit", "topics", texts=texts())

    (asked,), (body,) = gateway.asked, gateway.bodies
    assert asked.headers["Content-Type"] == "application/x-ndjson"
    assert asked.headers["Transfer-Encoding"] == "chunked"
    assert [json.loads(line) for line in body.splitlines()] == [
        "Zürich\nis wet",
        {"id": "7", "text": "half \ud83d"},
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.zip", "application/zip"),
        ("A.TAR", "application/x-tar"),
        ("a.tar.gz", "application/gzip"),
        ("a.tgz", "application/gzip"),
        ("a.jsonl", "application/x-ndjson"),
    ],
)
def test_an_archive_is_sent_as_it_is(
    call: Call, gateway: FakeJobs, tmp_path: Path, name: str, kind: str
) -> None:
    content = b"0123456789" * 100_000
    (tmp_path / name).write_bytes(content)
    told: list[tuple[int, int | None]] = []

    call(
        gateway,
        "submit",
        "digits",
        archive=tmp_path / name,
        on_sent=lambda *sent: told.append(sent),
    )

    assert gateway.bodies == [content]
    assert gateway.asked[0].headers["Content-Type"] == kind
    assert told[-1] == (1_000_000, 1_000_000)
    assert len(told) > 1


def test_a_source_is_named(call: Call, gateway: FakeJobs) -> None:
    call(gateway, "submit", "digits", source="photos", prefix="2026/")

    assert json.loads(gateway.bodies[0]) == {"source": "photos", "prefix": "2026/"}
    assert gateway.asked[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "mishap",
    [
        httpx.ReadError("cut"),
        httpx.ReadTimeout("late"),
        httpx.ConnectError("refused"),
        refusal(503, "database_unavailable"),
        httpx.Response(502, text="<html>Bad Gateway</html>"),
        refusal(429, "rate_limited", Retry_After="0"),
    ],
)
def test_a_submission_whose_answer_is_lost_is_sent_again_and_makes_one_job(
    call: Call, gateway: FakeJobs, folder: Path, mishap: httpx.Response | Exception
) -> None:
    gateway.mishaps.append(mishap)

    job = call(gateway, "submit", "digits", folder=folder)

    assert list(gateway.made) == [gateway.asked[0].headers["Idempotency-Key"]]
    assert [made["id"] for made in gateway.made.values()] == [job.id]
    assert len(gateway.asked) == 2
    assert gateway.bodies[0] == gateway.bodies[1]


def test_a_first_try_that_still_seems_to_come_in_is_waited_for(
    call: Call, gateway: FakeJobs
) -> None:
    gateway.mishaps.extend([httpx.WriteError("cut"), refusal(409, "job_conflict")])

    call(gateway, "submit", "topics", texts=["a"])

    assert (len(gateway.asked), len(gateway.made)) == (3, 1)


@pytest.mark.parametrize(("status", "code"), [(409, "job_conflict"), (429, "job_quota")])
def test_what_is_refused_at_once_is_raised(
    call: Call, gateway: FakeJobs, status: int, code: str
) -> None:
    gateway.mishaps.append(refusal(status, code))

    with pytest.raises(Refused) as caught:
        call(gateway, "submit", "topics", texts=["a"], idempotency_key="mine")

    assert (caught.value.code, len(gateway.asked)) == (code, 1)
    assert gateway.asked[0].headers["Idempotency-Key"] == "mine"


def test_two_submissions_are_two_jobs(call: Call, gateway: FakeJobs) -> None:
    one, other = (call(gateway, "submit", "topics", texts=["a"]) for _ in range(2))

    assert one.id != other.id


def test_a_gateway_that_stays_away_is_given_up(call: Call, gateway: FakeJobs) -> None:
    gateway.mishaps.extend([away() for _ in range(9)])

    with pytest.raises(Unavailable):
        call(gateway, "submit", "topics", texts=["a"], patience_seconds=0.2)

    assert 1 < len(gateway.asked) < 9


def test_texts_that_can_be_gone_through_once_are_sent_once(call: Call, gateway: FakeJobs) -> None:
    gateway.mishaps.append(away())

    with pytest.raises(Unavailable):
        call(gateway, "submit", "topics", texts=iter(["a"]))

    assert len(gateway.asked) == 1


def test_a_file_that_becomes_shorter_meanwhile_is_said(
    call: Call, gateway: FakeJobs, tmp_path: Path
) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"x" * 600_000)

    with pytest.raises(OSError, match="shorter"):
        call(
            gateway,
            "submit",
            "digits",
            archive=archive,
            on_sent=lambda *_: archive.write_bytes(b""),
        )

    assert gateway.made == {}


@pytest.mark.parametrize(
    "items",
    [
        {},
        {"texts": ["a"], "source": "photos"},
        {"pattern": "*.png"},
        {"files": []},
        {"archive": "items.rar"},
    ],
)
def test_items_that_are_none_are_refused_before_anything_is_sent(
    call: Call, gateway: FakeJobs, items: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"one of|no file|is none"):
        call(gateway, "submit", "digits", **items)

    assert gateway.asked == []


def test_a_folder_that_is_not_there_is_said(call: Call, gateway: FakeJobs, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        call(gateway, "submit", "digits", folder=tmp_path / "nowhere")

    assert gateway.asked == []
