"""A supervisor that is asked to serve one release more."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.fake_triton import ranked, running_triton
from tests.unit.triptych.small_release import VERDICT, write_small_release
from tests.unit.triptych.waiting import DEADLINE_SECONDS, wait_until
from tests.unit.triptych.watched_supervisor import GOLDEN, Watched, is_ready, watched
from triptych.errors import LoadRefused, NotRunning, ReleaseBroken, ReleaseNameInvalid
from triptych.export.release_writer import GoldenInput
from triptych.routing import ReleaseName
from triptych.supervisor.status import ReleaseState

CATS_1 = ReleaseName("cats", 1)
CAT_VERDICT = replace(
    VERDICT,
    golden=(
        GoldenInput("cat.jpg", b"picture of a cat", "0", 0.5),
        GoldenInput("kitten.jpg", b"picture of a kitten", "1", 0.5),
    ),
)
CAT_ANSWERS = {b"picture of a cat": ranked("0"), b"picture of a kitten": ranked("1")}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Watched]:
    """digits_r2 is served; what is written into tmp_path/models from now on is new."""
    write_small_release(tmp_path / "models", number=2)
    with running_triton() as triton:
        triton.answers.update(GOLDEN | CAT_ANSWERS)
        with watched(tmp_path, triton) as running:
            wait_until(is_ready(running))
            yield running


def assert_only_digits_is_served(running: Watched) -> None:
    status = running.supervisor.status()
    assert set(status.releases) == {"digits_r2"}
    assert status.ready
    asked = len(running.triton.asked)
    wait_until(lambda: len(running.triton.asked) >= asked + 2)  # canaries go on


def test_a_release_that_proves_itself_is_served_ready_and_from_then_on_a_canarys_turn(
    tmp_path: Path, running: Watched
) -> None:
    write_small_release(tmp_path / "models", "cats", verdict=CAT_VERDICT)

    loaded = running.supervisor.load(CATS_1)

    assert (loaded.alias, loaded.number, loaded.promotable) == ("cats", 1, True)
    assert (loaded.state, loaded.reason) == (ReleaseState.READY, None)
    assert loaded.last_canary is not None
    assert running.triton.loaded == ["digits_r2", "cats_r1"]
    view = tmp_path / "state" / "serving"
    assert (view / "cats_r1_model").resolve() == tmp_path / "models" / "cats_r1_model"
    assert running.supervisor.status().ready
    wait_until(lambda: running.triton.images().count(b"picture of a kitten") >= 3)
    running.triton.answers[b"picture of a cat"] = ranked("2")
    wait_until(lambda: running.release("cats_r1") is ReleaseState.FAILING)


def test_it_is_in_no_status_until_all_of_its_golden_inputs_were_answered(
    tmp_path: Path, running: Watched
) -> None:
    write_small_release(tmp_path / "models", "cats", verdict=CAT_VERDICT)
    running.triton.may_answer.clear()
    with ThreadPoolExecutor() as pool:
        loading = pool.submit(running.supervisor.load, CATS_1)
        wait_until(lambda: b"picture of a cat" in running.triton.images())
        before = set(running.supervisor.status().releases)
        running.triton.may_answer.set()
        loading.result(DEADLINE_SECONDS)

    assert before == {"digits_r2"}
    assert set(running.supervisor.status().releases) == {"digits_r2", "cats_r1"}


def test_a_later_release_of_a_name_and_one_that_is_not_promotable_are_served_too(
    tmp_path: Path, running: Watched
) -> None:
    write_small_release(tmp_path / "models", number=3)
    write_small_release(tmp_path / "models", number=1, verdict=replace(VERDICT, promotable=False))

    assert running.supervisor.load(ReleaseName("digits", 3)).promotable
    assert not running.supervisor.load(ReleaseName("digits", 1)).promotable


def test_two_who_ask_at_once_get_one_load(tmp_path: Path, running: Watched) -> None:
    write_small_release(tmp_path / "models", "cats", verdict=CAT_VERDICT)

    with ThreadPoolExecutor() as pool:
        loads = [pool.submit(running.supervisor.load, CATS_1) for _ in range(4)]

    assert {load.result().alias for load in loads} == {"cats"}
    assert running.triton.loaded.count("cats_r1") == 1
    assert running.supervisor.load(CATS_1).number == 1


def test_a_release_that_is_not_there_is_unknown(tmp_path: Path, running: Watched) -> None:
    with pytest.raises(ReleaseNameInvalid, match=f"no release cats_r1 in {tmp_path}"):
        running.supervisor.load(CATS_1)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("cats_r1_model/1/model.onnx", "cats_r1 was edited"),
        ("cats_r1/golden/cat.jpg", "cats_r1 was edited"),
        ("cats_r1/release.json", "cats_r1: release.json cannot be read"),
    ],
)
def test_a_release_whose_files_are_not_what_was_released_is_not_loaded(
    tmp_path: Path, running: Watched, file: str, words: str
) -> None:
    write_small_release(tmp_path / "models", "cats", verdict=CAT_VERDICT)
    (tmp_path / "models" / file).write_bytes(b"something else")

    with pytest.raises(ReleaseBroken, match=words):
        running.supervisor.load(CATS_1)

    assert running.triton.loaded == ["digits_r2"]
    assert_only_digits_is_served(running)


def test_a_release_that_answers_wrongly_is_not_served_and_says_why(
    tmp_path: Path, running: Watched
) -> None:
    write_small_release(tmp_path / "models", "cats", verdict=CAT_VERDICT)
    running.triton.answers[b"picture of a kitten"] = ranked("7")

    with pytest.raises(LoadRefused, match=r"^cats_r1 is not served, because kitten\.jpg got '7'"):
        running.supervisor.load(CATS_1)

    assert_only_digits_is_served(running)
    running.triton.answers.update(CAT_ANSWERS)
    assert running.supervisor.load(CATS_1).state is ReleaseState.READY


def test_a_lower_number_would_take_the_traffic_of_its_alias_and_is_refused(
    tmp_path: Path, running: Watched
) -> None:
    write_small_release(tmp_path / "models", number=1)

    with pytest.raises(LoadRefused, match="digits_r1 would take the traffic of digits from digits"):
        running.supervisor.load(ReleaseName("digits", 1))

    assert_only_digits_is_served(running)
    # Whoever keeps the routes elsewhere may have it all the same.
    lower = running.supervisor.load(ReleaseName("digits", 1), routes_are_kept=True)
    assert lower.state is ReleaseState.READY


def test_before_the_start_is_over_nothing_more_is_loaded(tmp_path: Path) -> None:
    write_small_release(tmp_path / "models")
    with running_triton() as triton:
        triton.answers.update(GOLDEN)
        triton.may_answer.clear()
        with watched(tmp_path, triton) as running:
            wait_until(lambda: len(triton.asked) == 1)

            with pytest.raises(NotRunning, match="Triton is starting"):
                running.supervisor.load(ReleaseName("digits", 1))

            triton.may_answer.set()
            wait_until(is_ready(running))


def test_while_triton_is_away_nothing_is_loaded(tmp_path: Path, running: Watched) -> None:
    write_small_release(tmp_path / "models", "cats", verdict=CAT_VERDICT)
    running.supervisor.stop()
    running.thread.join(DEADLINE_SECONDS)

    with pytest.raises(NotRunning, match="Triton is starting"):
        running.supervisor.load(CATS_1)
