"""A supervisor that is asked to serve one release less."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from tests.fakes.fake_triton import FakeTriton, running_triton
from tests.unit.triptych.small_release import write_small_release
from tests.unit.triptych.waiting import wait_until
from tests.unit.triptych.watched_supervisor import GOLDEN, Watched, is_ready, watched
from triptych.errors import CallFailed, NotRunning, ReleaseNameInvalid, UnloadRefused
from triptych.routing import ReleaseName
from triptych.supervisor.status import Phase, ReleaseState
from triptych.supervisor.stub_processes import Stub

DIGITS_1, DIGITS_2 = ReleaseName("digits", 1), ReleaseName("digits", 2)


class Counts(list[Any]):
    """ModelStatistics of digits_r2, worked out each time when Triton is asked for them.

    Args:
        count: Inferences, by the number of the look.
    """

    def __init__(self, count: Callable[[int], int] = lambda _: 7) -> None:
        self.counted = count
        self.looks = 0
        self.on_look: Callable[[int], None] = lambda _: None

    def __iter__(self) -> Iterator[Any]:
        self.looks += 1
        self.on_look(self.looks)
        model = service_pb2.ModelStatistics(name="digits_r2", version="1")
        model.inference_stats.success.count = self.counted(self.looks)
        return iter([model])


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with running_triton() as triton:
        triton.answers.update(GOLDEN)
        yield triton


@contextmanager
def serving_two(
    tmp_path: Path, triton: FakeTriton, counts: Counts, quiet_seconds: float = 0.3
) -> Iterator[Watched]:
    """digits_r1 because it is the first of its name, digits_r2 because somebody loaded it."""
    for number in (1, 2):
        write_small_release(tmp_path / "models", number=number)
    with watched(tmp_path, triton, unload_quiet_seconds=quiet_seconds) as running:
        wait_until(is_ready(running))
        running.supervisor.load(DIGITS_2)
        triton.statistics = counts
        yield running


def asked(triton: FakeTriton, release: str) -> int:
    return sum(request.model_name == release for request in list(triton.asked))


def by_hand(tmp_path: Path) -> dict[str, Any]:
    return dict(json.loads((tmp_path / "state" / "desired.json").read_text()))


def test_a_release_that_nobody_asks_is_watched_without_canaries_and_then_unloaded(
    tmp_path: Path, triton: FakeTriton
) -> None:
    seen: list[tuple[int, int]] = []
    counts = Counts()
    counts.on_look = lambda _: seen.append((asked(triton, "digits_r1"), asked(triton, "digits_r2")))
    with serving_two(tmp_path, triton, counts) as running:
        running.supervisor.unload(DIGITS_2)

        assert triton.unloaded[0] == "digits_r2"
        assert set(running.supervisor.status().releases) == {"digits_r1"}
        assert running.supervisor.status().ready
        assert by_hand(tmp_path) == {"releases": {}, "unloaded": ["digits_r2"]}
        # Others went on meanwhile.
        assert len({of_second for _, of_second in seen}) == 1
        assert seen[-1][0] > seen[0][0]
        # What is heard of it later is nobody's business, and stops no heal of others.
        running.supervisor.note_stub_end(Stub(1, "digits_r2_model"))
        running.supervisor.note_stub_end(Stub(2, "digits_r1_model"))
        wait_until(lambda: running.supervisor.status().releases["digits_r1"].heals == 1)


def test_one_that_is_asked_all_the_time_stays_and_gets_its_canaries_again(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with serving_two(tmp_path, triton, Counts(count=lambda look: 10 * look), 0.1) as running:
        with pytest.raises(UnloadRefused, match=r"^digits_r2 is in use: [1-9]\d*0 inferences came"):
            running.supervisor.unload(DIGITS_2)

        assert triton.unloaded == []
        assert running.release("digits_r2") is ReleaseState.READY
        before = asked(triton, "digits_r2")
        wait_until(lambda: asked(triton, "digits_r2") > before + 1)
        assert by_hand(tmp_path)["unloaded"] == []


def test_one_whose_last_request_came_while_it_was_watched_is_unloaded_later(
    tmp_path: Path, triton: FakeTriton
) -> None:
    counts = Counts(count=lambda look: min(look, 2))
    # The patience is three times the quiet: a slow machine needs room between its looks.
    with serving_two(tmp_path, triton, counts, quiet_seconds=1.5) as running:
        running.supervisor.unload(DIGITS_2)
        assert set(running.supervisor.status().releases) == {"digits_r1"}


def test_a_triton_that_refuses_the_unload_goes_on_with_the_release(
    tmp_path: Path, triton: FakeTriton
) -> None:
    triton.unload_refusal = (grpc.StatusCode.INTERNAL, "out of luck")
    with serving_two(tmp_path, triton, Counts(), 0.0) as running:
        with pytest.raises(CallFailed, match="cannot unload digits_r2: out of luck"):
            running.supervisor.unload(DIGITS_2)

        assert running.release("digits_r2") is ReleaseState.READY
        assert by_hand(tmp_path)["unloaded"] == []
        before = asked(triton, "digits_r2")
        wait_until(lambda: asked(triton, "digits_r2") > before + 1)


def test_a_triton_that_ends_while_a_release_is_watched_comes_back_with_it(
    tmp_path: Path, triton: FakeTriton
) -> None:
    counts = Counts()
    with serving_two(tmp_path, triton, counts, 5.0) as running:
        counts.on_look = lambda look: running.process.kill() if look == 2 else None

        with pytest.raises(NotRunning):
            running.supervisor.unload(DIGITS_2)

        wait_until(lambda: running.supervisor.status().starts == 2)
        wait_until(is_ready(running))
        assert set(running.supervisor.status().releases) == {"digits_r1", "digits_r2"}


def test_one_that_is_healed_while_it_is_watched_is_healed_and_then_unloaded(
    tmp_path: Path, triton: FakeTriton
) -> None:
    counts = Counts()
    with serving_two(tmp_path, triton, counts) as running:

        def die(look: int) -> None:
            if look == 1:
                running.supervisor.note_stub_end(Stub(1, "digits_r2_model"))

        counts.on_look = die
        running.supervisor.unload(DIGITS_2)

        assert [model for model, _ in triton.overrides] == ["digits_r2_model"]
        assert triton.unloaded[0] == "digits_r2"
        assert set(running.supervisor.status().releases) == {"digits_r1"}


def test_what_was_unloaded_stays_so_over_a_restart_until_it_is_loaded_again(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with serving_two(tmp_path, triton, Counts(), 0.0) as running:
        running.supervisor.unload(DIGITS_1)
    with watched(tmp_path, triton, unload_quiet_seconds=0) as running:
        wait_until(is_ready(running))
        assert set(running.supervisor.status().releases) == {"digits_r2"}
        running.supervisor.unload(DIGITS_2)
    triton.loaded.clear()
    with watched(tmp_path, triton, unload_quiet_seconds=0) as running:
        wait_until(is_ready(running))
        assert running.supervisor.status().releases == {}
        assert triton.loaded == []
        running.supervisor.load(DIGITS_1)
        assert running.supervisor.status().ready
    assert by_hand(tmp_path)["unloaded"] == ["digits_r2"]
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        assert set(running.supervisor.status().releases) == {"digits_r1"}


def test_an_unload_of_what_is_not_served_is_kept_and_of_what_is_unknown_refused(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with serving_two(tmp_path, triton, Counts()) as running:
        write_small_release(tmp_path / "models", "cats")

        running.supervisor.unload(ReleaseName("cats", 1))
        with pytest.raises(ReleaseNameInvalid, match="There is no release cats_r2"):
            running.supervisor.unload(ReleaseName("cats", 2))

        assert triton.unloaded == []
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        assert set(running.supervisor.status().releases) == {"digits_r1", "digits_r2"}


def test_one_that_cannot_be_loaded_any_more_is_forgotten_at_once(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with serving_two(tmp_path, triton, Counts()):
        pass
    (tmp_path / "models" / "digits_r2_postprocess" / "labels.txt").unlink()
    with watched(tmp_path, triton, unload_quiet_seconds=3600) as running:
        wait_until(is_ready(running))
        assert running.release("digits_r2") is ReleaseState.FAILING

        running.supervisor.unload(DIGITS_2)

        assert set(running.supervisor.status().releases) == {"digits_r1"}
        assert by_hand(tmp_path) == {"releases": {}, "unloaded": ["digits_r2"]}


def test_before_triton_is_up_nothing_is_unloaded(tmp_path: Path, triton: FakeTriton) -> None:
    write_small_release(tmp_path / "models")
    triton.may_answer.clear()
    with watched(tmp_path, triton) as running:
        wait_until(lambda: len(triton.asked) == 1)

        with pytest.raises(NotRunning, match="Triton is starting"):
            running.supervisor.unload(DIGITS_1)

        triton.may_answer.set()
        wait_until(is_ready(running))


def test_one_that_ends_each_triton_is_unloaded_while_there_is_none(
    tmp_path: Path, triton: FakeTriton
) -> None:
    ends = tmp_path / "ends"
    binary = f"until [ -e {ends} ]; do sleep 0.01; done; exit 42"
    for number in (1, 2):
        write_small_release(tmp_path / "models", number=number)
    with watched(tmp_path, triton, binary, restart_backoff_seconds=0.5) as running:
        wait_until(is_ready(running))
        running.supervisor.load(DIGITS_2)
        ends.touch()
        wait_until(lambda: running.supervisor.status().phase is Phase.BACKING_OFF)

        running.supervisor.unload(DIGITS_2)

        assert by_hand(tmp_path) == {"releases": {}, "unloaded": ["digits_r2"]}
        triton.loaded.clear()
        ends.unlink()
        wait_until(is_ready(running))
        assert triton.loaded == ["digits_r1"]
        assert set(running.supervisor.status().releases) == {"digits_r1"}


def test_one_that_could_not_be_loaded_is_unloaded_while_there_is_no_triton(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with serving_two(tmp_path, triton, Counts()):
        pass
    (tmp_path / "models" / "digits_r2_postprocess" / "labels.txt").unlink()
    ends = tmp_path / "ends"
    binary = f"until [ -e {ends} ]; do sleep 0.01; done; exit 42"
    with watched(tmp_path, triton, binary, restart_backoff_seconds=0.5) as running:
        wait_until(is_ready(running))
        # No start succeeds, so that its thread acts all the while.
        triton.load_refusal = (grpc.StatusCode.UNAVAILABLE, "Socket closed")
        ends.touch()
        wait_until(lambda: running.supervisor.status().phase is Phase.BACKING_OFF)

        running.supervisor.unload(DIGITS_2)

        assert by_hand(tmp_path) == {"releases": {}, "unloaded": ["digits_r2"]}
