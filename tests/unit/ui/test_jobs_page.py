"""The Jobs page: the list, how one stands, its answers, its end before its time."""

from __future__ import annotations

import pytest

from tests.unit.ui.fake_gateway import FakeClock, error_body
from tests.unit.ui.fake_jobs import ID, FakeJobs, answer, job, refusal, running
from tests.unit.ui.jobs_page import OpenPage, press, said
from tests.unit.ui.releases_page import confirm, look_again
from ui.calls.identity import Identity
from ui.navigation import ENTRIES


@pytest.fixture
def gateway() -> FakeJobs:
    answers = [refusal(it) if it in {3, 11} else answer(it) for it in range(20)]
    return FakeJobs(jobs=[job()], answers=answers)


def glances(gateway: FakeJobs) -> int:
    return len([it for it in gateway.asked("/v1/jobs") if it.url.path.endswith("/results")])


def test_jobs_are_listed_newest_first_with_how_far_they_are(
    open_page: OpenPage, gateway: FakeJobs
) -> None:
    gateway.jobs = [running("00000000000000bb", items=40, done=10, seconds_left=9.2), job()]
    page = open_page("jobs")

    assert not page.exception
    assert page.title[0].value == "Jobs"
    assert [dict(row) for _, row in page.dataframe[0].value.iterrows()] == [
        {
            "alias": "digits",
            "state": "Running",
            "progress": 0.25,
            "items": 40,
            "refused": 0,
            "rate": "812/s",
            "left": "9 s",
            "since": "10:30:01",
            "id": "00000000000000bb",
        },
        {
            "alias": "digits",
            "state": "Done",
            "progress": 1.0,
            "items": 20,
            "refused": 2,
            "rate": "812/s",
            "left": "",
            "since": "10:30:02",
            "id": ID,
        },
    ]


def test_without_a_job_one_sentence_and_a_command_say_how_to_begin(
    open_page: OpenPage, gateway: FakeJobs
) -> None:
    gateway.jobs = []
    page = open_page("jobs")

    assert not page.exception
    assert "There is no job yet: hand one in above, or from a command line." in said(page)
    assert "-T pictures.zip" in page.code[0].value
    assert "http://gateway:8080/v1/jobs?alias=digits" in page.code[0].value
    assert not page.dataframe


def test_a_job_at_work_tells_how_far_it_is_and_goes_on_by_itself(
    open_page: OpenPage, gateway: FakeJobs, clock: FakeClock
) -> None:
    gateway.jobs = [running(source={"source": "photos", "prefix": "2026/"})]
    page = open_page("jobs")

    [bar] = page.progress
    assert (bar.value, bar.text) == (25, "5 of 20 answered")
    assert f"**Running** since 10:30:01 · `digits` · job `{ID}`" in said(page)
    assert "0 refused · 812/s · 1 min 15 s left · from `photos/2026/`" in said(page)
    gateway.jobs = [running(done=15, items=15, is_whole=False, seconds_left=None)]
    look_again(page, clock)

    [bar] = page.progress
    assert (bar.value, bar.text) == (100, "15 of 15 answered; more are to come")


def test_a_job_without_items_has_nothing_to_look_at(open_page: OpenPage, gateway: FakeJobs) -> None:
    gateway.jobs = [running(state="listing", items=0, is_whole=False, done=0, started_at=None)]
    page = open_page("jobs")

    assert not page.exception
    assert page.progress[0].value == 0
    assert "**Being listed** since 10:30:00" in said(page)
    assert not page.download_button
    assert glances(gateway) == 0


def test_refused_items_are_listed_with_code_and_message(open_page: OpenPage) -> None:
    page = open_page("jobs")

    assert "**Refused**: the first 2 of 2" in said(page)
    assert [list(row) for row in page.dataframe[1].value.to_numpy()] == [
        [3, "broken.png", "undecodable_image", "It is no picture."],
        [11, "broken.png", "undecodable_image", "It is no picture."],
    ]


def test_the_first_answers_are_a_table(open_page: OpenPage, gateway: FakeJobs) -> None:
    gateway.answers = [answer(0, "=1+1"), *(answer(it) for it in range(1, 120))]
    gateway.jobs = [job(items=120, done=120, refused=0)]
    page = open_page("jobs")

    assert "**Answers**: the first 100 of 120" in said(page)
    rows = page.dataframe[1].value
    assert len(rows) == 100
    assert list(rows.columns) == ["index", "name", "label", "score", "release"]
    assert list(rows.iloc[0]) == [0, "'=1+1", "7", 0.98, "digits_r1"]


def test_texts_have_no_column_for_names(open_page: OpenPage, gateway: FakeJobs) -> None:
    gateway.answers = [{**answer(it), "name": ""} for it in range(2)]
    gateway.jobs = [job(items=2, done=2, refused=0, task="text-classification")]
    page = open_page("jobs")

    assert list(page.dataframe[1].value.columns) == ["index", "label", "score", "release"]


def test_answers_are_read_again_only_when_they_may_have_changed(
    open_page: OpenPage, gateway: FakeJobs, clock: FakeClock
) -> None:
    page = open_page("jobs")
    look_again(page, clock)
    assert glances(gateway) == 1
    gateway.jobs = [job(refused=3)]
    look_again(page, clock)

    assert glances(gateway) == 2


def test_one_of_several_jobs_is_looked_at_until_it_is_gone(
    open_page: OpenPage, gateway: FakeJobs, clock: FakeClock
) -> None:
    other = job("00000000000000cc", alias="flowers", created_at="2026-04-01T08:00:00Z")
    gateway.jobs = [job(), other]
    page = open_page("jobs")
    page.selectbox(key="jobs_chosen").select(other["id"]).run()
    assert "job `00000000000000cc`" in said(page)
    gateway.jobs = [job()]
    look_again(page, clock)

    assert not page.exception
    assert f"job `{ID}`" in said(page)


def test_a_job_is_cancelled_once_the_person_is_sure(open_page: OpenPage, gateway: FakeJobs) -> None:
    gateway.jobs = [running()]
    page = press(open_page("jobs"), "Cancel the job")
    assert "What is answered by now stays" in said(page)
    assert gateway.orders("DELETE") == []
    page = press(page, "Let it go on")
    assert gateway.orders("DELETE") == []
    page = confirm(press(page, "Cancel the job"))

    assert not page.exception
    assert [it.url.path for it in gateway.orders("DELETE")] == [f"/v1/jobs/{ID}"]
    assert "**Cancelled** since 10:32:00" in said(page)
    assert page.toast[0].value == "The job is cancelled."
    assert "Cancel the job" not in [it.label for it in page.button]


def test_why_a_job_has_failed_is_told(open_page: OpenPage, gateway: FakeJobs) -> None:
    gateway.jobs = [job(state="failed", sentence="its alias *digits* is gone")]
    page = open_page("jobs")

    assert "**Failed** since 10:30:02" in said(page)
    assert "its alias \\*digits\\* is gone" in said(page)


def test_answers_can_be_taken_away(open_page: OpenPage) -> None:
    page = open_page("jobs")

    labels = [it.label for it in page.download_button]
    assert labels == ["Download CSV", "Download JSON Lines"]


def test_a_page_in_trouble_says_so_once_and_heals(
    open_page: OpenPage, gateway: FakeJobs, clock: FakeClock
) -> None:
    gateway.list_refusal = (503, error_body("database_unavailable"))
    page = open_page("jobs")
    assert not page.exception
    assert len(page.error) == 1
    assert "Wait a moment" in said(page)
    gateway.list_refusal = None
    assert f"job `{ID}`" in said(look_again(page, clock))

    gateway.is_up = False
    look_again(page, clock)
    assert len(page.error) == 1
    assert "The gateway does not answer" in said(page)
    assert f"job `{ID}`" in said(page)


def test_results_that_do_not_come_leave_what_is_known(
    open_page: OpenPage, gateway: FakeJobs, clock: FakeClock
) -> None:
    gateway.results_refusal = (503, error_body("database_unavailable"))
    page = open_page("jobs")
    assert "Wait a moment" in said(page)
    assert len(page.dataframe) == 1
    gateway.results_refusal = None
    assert len(look_again(page, clock).dataframe) == 3
    gateway.answers, gateway.jobs = [{"index": 1}], [job(refused=3)]
    look_again(page, clock)

    assert "does not speak like our gateway" in said(page)
    assert len(page.dataframe) == 3


def test_only_a_key_that_may_predict_is_shown_the_page() -> None:
    [entry] = [entry for entry in ENTRIES if entry.name == "jobs"]

    def shown_with(scope: str) -> bool:
        return entry.is_for(Identity("0123456789ab", "a key", frozenset({scope})))

    assert shown_with("predict")
    assert shown_with("admin")
    assert not shown_with("metrics")
    assert not entry.is_for(None)


def test_whoever_has_not_signed_in_is_told_whose_jobs_they_are(open_page: OpenPage) -> None:
    assert "jobs belong to this page's own key" in said(open_page("jobs"))


def test_the_page_speaks_korean(open_page: OpenPage, gateway: FakeJobs) -> None:
    gateway.jobs = [running(seconds_left=7300.0, per_second=0.42)]
    page = open_page("jobs")
    page.session_state["session_language"] = "ko"
    page.run()

    assert not page.exception
    assert "10:30:01부터 **실행 중**" in said(page)
    assert "거절 0개 · 초당 0.4개 · 2시간 1분 남음" in said(page)
