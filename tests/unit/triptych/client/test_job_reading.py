"""How a job stands, waiting for its end, and its results over connections that break."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gateway.jobs.job import ENDED
from gateway.jobs.job import JobState as GatewaysJobState
from tests.unit.triptych.client.fake_gateway import refusal
from tests.unit.triptych.client.fake_jobs import (
    ID,
    JOB,
    Call,
    FakeJobs,
    away,
    call_async,
    call_sync,
    line,
    refused_line,
)
from triptych.client import (
    Job,
    JobPrediction,
    JobRefusal,
    JobSource,
    JobState,
    Refused,
    ServerFailed,
    TimedOut,
    Unavailable,
)

RUNNING = {"state": "running", "done": 1, "seconds_left": 2.5, "ended_at": None}
BAD_GATEWAY = httpx.Response(502, text="<html>")
CUT = httpx.RemoteProtocolError("peer closed connection without sending complete message body")


@pytest.fixture(params=[call_sync, call_async], ids=["Client", "AsyncClient"])
def call(request: pytest.FixtureRequest) -> Call:
    made: Call = request.param
    return made


@pytest.fixture
def gateway() -> FakeJobs:
    return FakeJobs()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.client.job_calls._FIRST_PAUSE_SECONDS", 0.01)


def test_a_job_is_typed(call: Call, gateway: FakeJobs) -> None:
    gateway.stands({"source": {"source": "photos", "prefix": "2026/"}, "started_at": None})

    job = call(gateway, "job", ID)

    assert (job.id, job.state, job.has_ended, job.done) == (ID, JobState.SUCCEEDED, True, 3)
    assert job.created_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert (job.started_at, job.seconds_left) == (None, None)
    assert job.source == JobSource("photos", "2026/")
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.state = "running"
    assert gateway.asked[0].url.path == f"/v1/jobs/{ID}"


def test_jobs_are_listed(call: Call, gateway: FakeJobs) -> None:
    (job,) = call(gateway, "jobs", limit=7)

    assert isinstance(job, Job)
    assert dict(gateway.asked[0].url.params) == {"limit": "7"}


def test_a_job_is_cancelled_by_id_or_as_it_is(call: Call, gateway: FakeJobs) -> None:
    gateway.stands({"state": "cancelled", "sentence": "cancelled by the key 'k'"})

    job = call(gateway, "cancel", call(gateway, "job", ID))

    assert (job.state, job.sentence) == (JobState.CANCELLED, "cancelled by the key 'k'")
    assert (gateway.asked[1].method, gateway.asked[1].url.path) == ("DELETE", f"/v1/jobs/{ID}")


def test_an_id_never_becomes_another_path(call: Call, gateway: FakeJobs) -> None:
    call(gateway, "job", "../keys?x")

    assert gateway.asked[0].url.raw_path == b"/v1/jobs/..%2Fkeys%3Fx"


@pytest.mark.parametrize(
    "said", [{"state": "asleep"}, {"task": "knitting"}, {"items": None}, {"created_at": "noon"}]
)
def test_a_job_that_cannot_be_read_is_the_servers_failure(
    call: Call, gateway: FakeJobs, said: dict[str, object]
) -> None:
    gateway.stands(said)

    for method in ("job", "jobs"):
        with pytest.raises(ServerFailed):
            call(gateway, method, *([ID] if method == "job" else []))


def test_states_are_the_gateways() -> None:
    assert [str(state) for state in JobState] == [str(state) for state in GatewaysJobState]
    job = call_sync(FakeJobs(), "job", ID)
    ended = {state for state in JobState if dataclasses.replace(job, state=state).has_ended}
    assert {str(state) for state in ended} == {str(state) for state in ENDED}


def test_waiting_tells_of_progress_and_survives_a_gateway_that_starts_anew(
    call: Call, gateway: FakeJobs
) -> None:
    gateway.stands(
        {"state": "queued", "done": 0},
        httpx.ConnectError("refused"),
        BAD_GATEWAY,
        RUNNING,
        RUNNING,
        {},
    )
    told: list[Job] = []

    job = call(gateway, "wait", ID, on_progress=told.append)

    assert job.state is JobState.SUCCEEDED
    assert [it.done for it in told] == [0, 1, 3]


def test_waiting_has_an_end(call: Call, gateway: FakeJobs) -> None:
    gateway.stands(RUNNING)

    with pytest.raises(TimedOut, match="1 of 3 items"):
        call(gateway, "wait", ID, timeout_seconds=0.2)


def test_a_job_that_failed_is_an_answer(call: Call, gateway: FakeJobs) -> None:
    gateway.stands({"state": "failed", "sentence": "the alias is gone"})

    assert call(gateway, "wait", ID).sentence == "the alias is gone"


@pytest.mark.parametrize("method", ["job", "wait", "stream", "results"])
def test_a_job_that_nobody_knows_is_raised_at_once(
    call: Call, gateway: FakeJobs, method: str
) -> None:
    gateway.stands(refusal(404, "unknown_job"))
    gateway.will_answer(refusal(404, "unknown_job"))

    with pytest.raises(Refused) as caught:
        call(gateway, method, ID)

    assert (caught.value.code, len(gateway.asked)) == ("unknown_job", 1)


def test_results_are_typed(call: Call, gateway: FakeJobs) -> None:
    cut = json.loads(line(2)) | {"truncated": True}
    gateway.will_answer(
        [line(0, "a\u2028b.png"), b"\n", refused_line(1), json.dumps(cut).encode() + b"\n"]
    )

    one, refused, truncated = call(gateway, "results", ID)

    assert one == JobPrediction(
        index=0,
        name="a\u2028b.png",
        release="digits_r1",
        labels=("0", "x"),
        scores=(0.9, 0.1),
    )
    assert (one.label, one.score, truncated.is_truncated) == ("0", 0.9, True)
    assert refused == JobRefusal(
        index=1, name="x.txt", release="", code="undecodable_image", message="no image"
    )
    assert dict(gateway.asked[0].url.params) == {"format": "jsonl"}


def test_results_of_a_job_that_goes_on_are_what_there_is(call: Call, gateway: FakeJobs) -> None:
    gateway.stands(RUNNING)
    gateway.will_answer([line(0)])

    assert [it.index for it in call(gateway, "results", ID)] == [0]


@pytest.mark.parametrize("method", ["stream", "results"])
@pytest.mark.parametrize(
    "end", [CUT, httpx.ReadTimeout("silent"), httpx.ReadError("reset"), b"", b'{"index": 2']
)
def test_a_broken_connection_neither_loses_nor_repeats_a_result(
    call: Call, gateway: FakeJobs, method: str, end: bytes | Exception
) -> None:
    whole = line(0) + line(2) + line(1)
    gateway.will_answer(
        [whole[:100], whole[100:200], end], away(), [line(0), end], [line(0), line(1), line(2)]
    )

    results = call(gateway, method, ID)

    assert sorted(it.index for it in results) == [0, 1, 2]
    assert [it.label for it in results] == [str(it.index) for it in results]


def test_a_stream_goes_on_until_the_job_has_ended(call: Call, gateway: FakeJobs) -> None:
    gateway.stands(RUNNING, RUNNING, {**RUNNING, "done": 2}, {})
    gateway.will_answer([line(1)], [line(1), line(0)], [line(0), line(1), line(2)])

    results = call(gateway, "stream", ID)

    assert [it.index for it in results] == [1, 0, 2]
    asked = [it for it in gateway.asked if it.url.path.endswith("/results")]
    assert dict(asked[0].url.params) == {"format": "jsonl", "follow": "true"}
    # It does not ask for everything again before there is something new.
    assert len(asked) == 3


def test_of_a_cancelled_job_a_stream_has_what_was_answered(call: Call, gateway: FakeJobs) -> None:
    gateway.stands({"state": "cancelled", "done": 1})
    gateway.will_answer([line(0)])

    assert [it.index for it in call(gateway, "stream", ID)] == [0]


@pytest.mark.parametrize("method", ["stream", "results"])
def test_results_that_never_become_whole_are_given_up(
    call: Call, gateway: FakeJobs, method: str
) -> None:
    gateway.will_answer([line(0)])

    with pytest.raises(Unavailable, match="before they were whole"):
        call(gateway, method, ID, patience_seconds=0.2)


def test_a_line_that_makes_no_sense_is_the_servers_failure(call: Call, gateway: FakeJobs) -> None:
    gateway.will_answer([b'{"index": 0, "predictions": 7}\n'])

    with pytest.raises(ServerFailed):
        call(gateway, "stream", ID)


def test_a_file_of_results_is_written_whole_after_a_connection_that_broke(
    call: Call, gateway: FakeJobs, tmp_path: Path
) -> None:
    table = b'index,name\r\n0,"a\nb"\r\n1,c\r\n2,"say ""x"""\r\n'
    gateway.will_answer([table[:20], CUT], [table[:30]], [table[:9], table[9:]])

    call(gateway, "save_results", ID, tmp_path / "results.csv")

    assert (tmp_path / "results.csv").read_bytes() == table
    assert [it.name for it in tmp_path.iterdir()] == ["results.csv"]
    assert dict(gateway.asked[0].url.params) == {"format": "csv"}


def test_a_file_that_was_there_stays_until_the_new_one_is_whole(
    call: Call, gateway: FakeJobs, tmp_path: Path
) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text("old")
    gateway.will_answer([line(0)])

    with pytest.raises(Unavailable):
        call(gateway, "save_results", JOB["id"], str(file), "jsonl", patience_seconds=0)

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
