from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.fake_triton import FakeTriton, ranked, running_triton
from tests.unit.triptych.small_release import VERDICT, write_small_release
from tests.unit.triptych.waiting import DEADLINE_SECONDS, wait_until
from tests.unit.triptych.watched_supervisor import GOLDEN, is_not_ready, is_ready, watched
from triptych.supervisor.status import Phase, ReleaseState


@pytest.fixture
def triton(tmp_path: Path) -> Iterator[FakeTriton]:
    """A server that answers the golden inputs of the release in tmp_path/models rightly."""
    write_small_release(tmp_path / "models")
    with running_triton() as fake:
        fake.answers.update(GOLDEN)
        yield fake


def test_ready_means_loaded_and_every_golden_input_answered(
    tmp_path: Path, triton: FakeTriton
) -> None:
    triton.may_answer.clear()
    with watched(tmp_path, triton) as running:
        wait_until(lambda: len(triton.asked) == 1)
        before = running.supervisor.status()
        triton.may_answer.set()
        wait_until(is_ready(running))
        after = running.supervisor.status()

    assert triton.loaded == ["digits_r1"]
    assert triton.images()[:2] == [b"picture of zero", b"picture of one"]
    assert (before.ready, before.reason) == (False, "Triton is starting")
    assert before.releases["digits_r1"].state is ReleaseState.LOADING
    assert (after.ready, after.reason) == (True, None)
    assert after.since >= before.since
    digits = after.releases["digits_r1"]
    assert (digits.state, digits.reason) == (ReleaseState.READY, None)
    assert (digits.alias, digits.number, digits.max_batch_size, digits.top_k) == (
        "digits",
        1,
        32,
        2,
    )
    certificate = (tmp_path / "models" / "digits_r1" / "release.json").read_bytes()
    assert digits.fingerprint == hashlib.sha256(certificate).hexdigest()[:16]
    assert digits.last_canary is not None
    assert digits.canary_ms is not None


def test_only_the_first_release_of_a_name_is_loaded(tmp_path: Path, triton: FakeTriton) -> None:
    write_small_release(tmp_path / "models", number=2)
    write_small_release(tmp_path / "models", "cats", 5)

    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))

        assert set(running.supervisor.status().releases) == {"digits_r1", "cats_r5"}
    assert sorted(triton.loaded) == ["cats_r5", "digits_r1"]


def test_the_first_release_that_may_be_promoted_is_loaded_and_no_other(
    tmp_path: Path, triton: FakeTriton
) -> None:
    unfit = replace(VERDICT, promotable=False)
    write_small_release(tmp_path / "models", "cats", 1, unfit)
    write_small_release(tmp_path / "models", "cats", 2)
    write_small_release(tmp_path / "models", "cats", 3)
    write_small_release(tmp_path / "models", "dogs", 1, unfit)

    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))

        assert set(running.supervisor.status().releases) == {"digits_r1", "cats_r2"}
    assert sorted(triton.loaded) == ["cats_r2", "digits_r1"]


def test_a_canary_that_goes_wrong_makes_it_unready_since_then_and_a_right_one_ready_again(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        since = running.supervisor.status().since

        triton.answers[b"picture of one"] = ranked("7")
        wait_until(is_not_ready(running))
        failing = running.supervisor.status()
        triton.answers.update(GOLDEN)
        wait_until(is_ready(running))

    reason = "one.jpg got '7' with 0.5000, not '1' with 0.5000"
    assert failing.reason == f"digits_r1: {reason}"
    assert failing.releases["digits_r1"].state is ReleaseState.FAILING
    assert failing.releases["digits_r1"].reason == reason
    assert failing.since >= since
    assert running.release() is ReleaseState.READY


def test_while_it_stays_ready_its_since_stays_and_canaries_go_on_in_turn(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        first = running.supervisor.status()
        wait_until(lambda: len(triton.asked) >= 8)
        later = running.supervisor.status()

    assert later.since == first.since
    assert later.releases["digits_r1"].since == first.releases["digits_r1"].since
    turns = triton.images()[2:8]
    assert turns == [b"picture of zero", b"picture of one"] * 3


def test_a_golden_input_that_goes_wrong_at_the_start_is_a_failed_start(
    tmp_path: Path, triton: FakeTriton
) -> None:
    triton.answers[b"picture of one"] = ranked("7")

    with watched(tmp_path, triton) as running:
        running.thread.join(DEADLINE_SECONDS)

    assert running.supervisor.start_failure is not None
    assert running.supervisor.start_failure.startswith("digits_r1: one.jpg got '7'")
    assert not running.supervisor.status().ready


def test_a_triton_that_ends_while_it_starts_is_a_failed_start_with_its_last_words(
    tmp_path: Path, triton: FakeTriton
) -> None:
    triton.address = "127.0.0.1:1"  # where nobody answers

    with watched(tmp_path, triton, binary="echo cannot find the GPU; exit 1") as running:
        running.thread.join(DEADLINE_SECONDS)

    assert running.supervisor.start_failure == "Triton ended while starting: cannot find the GPU"


def test_a_triton_that_ends_later_is_started_again_and_proven_and_told_as_a_heal(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        before = running.supervisor.status()
        running.process.child.stop(grace_seconds=0)
        wait_until(lambda: running.supervisor.status().starts == 2)
        wait_until(is_ready(running))
        after = running.supervisor.status()

    assert (before.starts, after.starts) == (1, 2)
    assert before.triton.pid != after.triton.pid
    assert before.instance == after.instance
    assert triton.loaded == ["digits_r1", "digits_r1"]
    (heal,) = after.heals
    assert heal.release is None
    assert heal.cause.startswith("Triton ended by itself with exit code -")
    assert running.supervisor.start_failure is None


def test_a_triton_that_keeps_ending_is_started_less_and_less_often_and_says_so(
    tmp_path: Path, triton: FakeTriton
) -> None:
    ends = tmp_path / "ends"
    binary = f"until [ -e {ends} ]; do sleep 0.01; done; echo no memory; exit 42"
    with watched(tmp_path, triton, binary, restart_backoff_seconds=0.2) as running:
        wait_until(is_ready(running))
        ends.touch()
        wait_until(lambda: running.supervisor.status().phase is Phase.BACKING_OFF)
        waiting = running.supervisor.status()
        ends.unlink()
        wait_until(is_ready(running))
        assert running.supervisor.status().phase is Phase.SERVING

    assert not waiting.ready
    assert waiting.reason is not None
    assert waiting.reason.startswith("ended 2 times, the next start is at 20")
    assert waiting.reason.endswith("no memory")
    assert waiting.releases["digits_r1"].state is ReleaseState.FAILING


def test_stopping_it_while_triton_does_not_answer_ends_the_watch(
    tmp_path: Path, triton: FakeTriton
) -> None:
    triton.address = "127.0.0.1:1"

    with watched(tmp_path, triton) as running:
        running.supervisor.stop()
        running.thread.join(DEADLINE_SECONDS)

        assert not running.thread.is_alive()
