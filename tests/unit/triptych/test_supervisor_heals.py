"""The real supervisor over a server that answers with errors, wrongly, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import pytest

from tests.fakes.fake_triton import FakeTriton, ranked, running_triton
from tests.unit.triptych.small_release import write_small_release
from tests.unit.triptych.waiting import wait_until
from tests.unit.triptych.watched_supervisor import GOLDEN, Watched, is_ready, watched
from triptych.errors import RestartUnderWay
from triptych.routing import ReleaseName
from triptych.supervisor.status import Phase, ReleaseState
from triptych.supervisor.stub_processes import Stub


@pytest.fixture
def triton(tmp_path: Path) -> Iterator[FakeTriton]:
    write_small_release(tmp_path / "models")
    with running_triton() as fake:
        fake.answers.update(GOLDEN)
        yield fake


def note_death(running: Watched, model: str) -> None:
    """What the watch over the stubs does."""
    running.supervisor.note_stub_end(Stub(1, model))


def heals(running: Watched) -> int:
    return running.supervisor.status().releases["digits_r1"].heals


def has_heals(running: Watched, times: int) -> bool:
    return heals(running) == times


def test_a_dead_stub_is_loaded_anew_with_its_own_configuration_and_told(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        triton.may_answer.clear()
        note_death(running, "digits_r1_model")
        dying = running.supervisor.status()
        triton.may_answer.set()
        wait_until(lambda: heals(running) == 1)
        healed = running.supervisor.status()

    assert dying.releases["digits_r1"].state is ReleaseState.HEALING
    assert dying.releases["digits_r1"].stub_deaths == 1
    assert not dying.ready
    assert dying.reason == "digits_r1: stub died: model"
    ((model, config),) = triton.overrides
    assert model == config["name"] == "digits_r1_model"
    assert config["parameters"].pop("triptych_heal")["string_value"]
    assert config["parameters"] == {"kept": {"string_value": "as it is"}}
    assert config["input"] == [{"name": "X", "data_type": "TYPE_STRING", "dims": ["1"]}]
    assert healed.ready
    assert healed.restart_wanted is not None
    assert healed.releases["digits_r1"].last_heal == healed.heals[-1]
    assert healed.heals[-1].cause == "model: stub died"


def test_each_heal_has_a_new_value_or_triton_would_do_nothing(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        for times in (1, 2):
            note_death(running, "digits_r1_model")
            wait_until(partial(has_heals, running, times))

    values = [json.dumps(config["parameters"]) for _, config in triton.overrides]
    assert len(set(values)) == 2


def test_heals_that_fail_are_tried_again_and_then_the_server_is_started_anew(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        triton.load_refusal = (grpc.StatusCode.INTERNAL, "no memory")
        note_death(running, "digits_r1_model")
        wait_until(lambda: "no memory" in (running.supervisor.status().reason or ""))
        wait_until(lambda: running.supervisor.status().phase is not Phase.SERVING)
        triton.load_refusal = None
        wait_until(is_ready(running))

        assert running.supervisor.status().starts >= 2
        assert "heals of digits_r1 failed" in {it.cause for it in running.supervisor.status().heals}


def test_wrong_answers_three_times_in_a_row_load_every_step_anew(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        triton.answers[b"picture of one"] = triton.answers[b"picture of zero"] = ranked("7")
        wait_until(lambda: len(triton.overrides) >= 3)
        triton.answers.update(GOLDEN)
        wait_until(is_ready(running))

    models = {model for model, _ in triton.overrides}
    assert models == {f"digits_r1_{step}" for step in ("preprocess", "model", "postprocess")}


def test_steps_that_leave_canary_and_probe_unanswered_hang_and_are_loaded_anew(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton, canary_timeout_seconds=0.2) as running:
        wait_until(is_ready(running))
        triton.may_answer.clear()
        wait_until(lambda: len(triton.overrides) == 3)
        hanging = running.supervisor.status()
        triton.may_answer.set()
        wait_until(is_ready(running))
        last_heal = running.supervisor.status().releases["digits_r1"].last_heal

    assert hanging.releases["digits_r1"].state is ReleaseState.HEALING
    assert hanging.releases["digits_r1"].stub_deaths == 3
    assert last_heal is not None
    assert "model: stub hung" in last_heal.cause


def test_a_server_that_does_not_even_count_is_replaced(tmp_path: Path, triton: FakeTriton) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        triton.refusal = (grpc.StatusCode.UNAVAILABLE, "Server is stopping")
        wait_until(lambda: running.supervisor.status().phase is Phase.RESTARTING)
        triton.refusal = None
        wait_until(lambda: running.supervisor.status().starts == 2)
        wait_until(is_ready(running))


def test_the_death_of_a_stub_that_is_not_served_is_nobodys_business(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        note_death(running, "cats_r1_model")
        assert running.supervisor.status().ready
    assert triton.overrides == []


def test_a_drain_is_told_until_it_is_taken_back(tmp_path: Path, triton: FakeTriton) -> None:
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        drained = running.supervisor.drain()
        assert (drained.phase, drained.ready) == (Phase.DRAINING, False)
        assert drained.releases["digits_r1"].state is ReleaseState.READY
        assert running.supervisor.undrain().ready


def test_a_restart_drains_ends_and_starts_and_is_refused_twice(
    tmp_path: Path, triton: FakeTriton
) -> None:
    with watched(tmp_path, triton, drain_seconds=0.3) as running:
        wait_until(is_ready(running))
        first = running.process
        running.supervisor.restart()
        with pytest.raises(RestartUnderWay):
            running.supervisor.restart()
        wait_until(lambda: running.supervisor.status().phase is Phase.DRAINING)
        assert first.child.exit_code() is None
        wait_until(lambda: running.supervisor.status().starts == 2)
        wait_until(is_ready(running))
        assert first.child.exit_code() is not None


def test_what_was_loaded_by_hand_is_loaded_by_the_next_supervisor_and_a_broken_one_excused(
    tmp_path: Path, triton: FakeTriton
) -> None:
    write_small_release(tmp_path / "models", number=2)
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        running.supervisor.load(ReleaseName("digits", 2))
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        assert running.release("digits_r2") is ReleaseState.READY
    (tmp_path / "models" / "digits_r2_postprocess" / "labels.txt").unlink()
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        assert running.release("digits_r2") is ReleaseState.FAILING
        status = running.supervisor.status().releases["digits_r2"]
        assert status.reason is not None
        assert status.reason.startswith("digits_r2 is incomplete: ")


def test_a_file_of_what_was_loaded_that_cannot_be_read_holds_up_nobody(
    tmp_path: Path, triton: FakeTriton
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "desired.json").write_text('{"releases": {"digits_r2"')
    with watched(tmp_path, triton) as running:
        wait_until(is_ready(running))
        assert set(running.supervisor.status().releases) == {"digits_r1"}
