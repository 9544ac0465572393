"""triptych releases prune and load: what a running stack has to say in it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.fakes.scripted_http import Answer, ScriptedServer, as_json, running_server
from tests.unit.triptych.command_line import Ended, assert_one_sentence, run_triptych
from tests.unit.triptych.small_release import VERDICT, write_small_release
from triptych.cli.releases import releases as group
from triptych.release import find_releases
from triptych.stack.stack_file import ServiceEntry, StackFile, TritonEntry, seconds_at_start

UNFIT = replace(VERDICT, promotable=False)
NOTHING = "There is nothing to remove.\n"


@dataclass
class Place:
    """A repository and a state folder, in which a stack may run."""

    folder: Path
    run: Callable[..., Ended]

    @property
    def models(self) -> Path:
        return self.folder / "models"

    def where(self) -> list[str]:
        state_dir = self.folder / "state"
        return ["--model-repository", str(self.models), "--state-dir", str(state_dir)]

    def prune(self, *options: str) -> Ended:
        return self.run("prune", *options, *self.where())

    def left(self) -> list[str]:
        return [str(name) for name in sorted(find_releases(self.models))]


@dataclass
class Stack:
    """A stack that runs in the place, as far as commands can tell."""

    supervisor: ScriptedServer
    gateway: ScriptedServer

    def loaded(self, **promotable: bool) -> None:
        answer = {name: {"promotable": it} for name, it in promotable.items()}
        self.supervisor.answers["/releases"] = as_json(answer)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    (tmp_path / "state").mkdir()
    (tmp_path / "models").mkdir()
    return Place(tmp_path, lambda *given: run_triptych(monkeypatch, "releases", *given))


@pytest.fixture
def stack(place: Place) -> Iterator[Stack]:
    with running_server() as supervisor, running_server() as gateway:
        state_dir = place.folder / "state"
        (state_dir / "admin.key").write_text("k3y\n")
        entry = TritonEntry("http://t", "t:1", "http://t/metrics", supervisor.url, 1)
        started = seconds_at_start(os.getpid()) or 0.0
        service = ServiceEntry(gateway.url, 2)
        StackFile(os.getpid(), started, (entry,), service, ui=None).write(state_dir)
        yield Stack(supervisor, gateway)


def write_five(place: Place) -> None:
    """digits_r2 is the routed one; cats_r1 too."""
    for number in (1, 2, 3, 4):
        verdict = UNFIT if number == 1 else VERDICT
        write_small_release(place.models, number=number, verdict=verdict)
    write_small_release(place.models, "cats")


def test_old_releases_go_with_all_their_folders_and_routed_and_newest_ones_stay(
    place: Place,
) -> None:
    write_five(place)

    ended = place.prune("--yes")

    assert ended.exit_code == 0
    assert ended.output.splitlines() == [
        "To be removed:",
        "  digits_r1",
        "  digits_r3",
        "Removed: 2 of releases, 0 of leftovers.",
    ]
    assert place.left() == ["cats_r1", "digits_r2", "digits_r4"]
    assert len(list(place.models.iterdir())) == 3 * 4
    assert place.prune("--yes").output == NOTHING


def test_how_many_stay_can_be_said(place: Place) -> None:
    write_five(place)

    assert place.prune("--yes", "--keep", "2").exit_code == 0
    assert place.left() == ["cats_r1", "digits_r2", "digits_r3", "digits_r4"]
    assert place.prune("--yes", "--keep", "0").exit_code == 2


def test_a_dry_run_removes_nothing(place: Place) -> None:
    write_five(place)

    ended = place.prune("--dry-run", "--yes")

    assert ended.output.splitlines() == ["Would be removed:", "  digits_r1", "  digits_r3"]
    assert len(place.left()) == 5


def test_nothing_is_removed_until_somebody_says_yes(place: Place) -> None:
    write_five(place)

    refused = CliRunner().invoke(group, ["prune", *place.where()], input="n\n")
    assert refused.exit_code == 1
    assert len(place.left()) == 5

    agreed = CliRunner().invoke(group, ["prune", *place.where()], input="y\n")
    assert agreed.exit_code == 0
    assert len(place.left()) == 3


def test_what_a_running_stack_has_loaded_stays(place: Place, stack: Stack) -> None:
    write_five(place)
    stack.loaded(digits_r2=True, digits_r1=False)

    assert place.prune("--yes").exit_code == 0
    assert place.left() == ["cats_r1", "digits_r1", "digits_r2", "digits_r4"]


@pytest.mark.parametrize("answer", [Answer(b"<html>", 200), Answer(b"", 500), as_json([])])
def test_a_stack_that_cannot_be_asked_keeps_everything(
    place: Place, stack: Stack, answer: Answer
) -> None:
    write_five(place)
    stack.supervisor.answers["/releases"] = answer

    assert_one_sentence(place.prune("--yes"), "The supervisor answered")
    assert len(place.left()) == 5


def test_a_stack_that_does_not_answer_keeps_everything(place: Place, stack: Stack) -> None:
    write_five(place)
    text = (place.folder / "state" / "stack.json").read_text()
    dead = text.replace(stack.supervisor.url, "http://127.0.0.1:1")
    (place.folder / "state" / "stack.json").write_text(dead)

    assert_one_sentence(place.prune("--yes"), "The supervisor does not answer")
    assert len(place.left()) == 5


def test_a_stack_file_that_nobody_stands_for_keeps_everything(place: Place) -> None:
    write_five(place)
    (place.folder / "state" / "stack.json").write_text("{}")

    assert_one_sentence(place.prune("--yes"), "stack.json cannot be read")
    assert len(place.left()) == 5


def test_a_stack_that_is_starting_keeps_everything(place: Place) -> None:
    write_five(place)
    with (place.folder / "state" / "lock").open("w") as lock:
        lock.write("4242")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert_one_sentence(place.prune("--yes"), "A stack is starting in")
    assert len(place.left()) == 5


def test_a_release_that_cannot_be_read_stays(place: Place) -> None:
    write_five(place)
    (place.models / "digits_r1" / "release.json").write_text("{")

    assert place.prune("--yes").exit_code == 0
    assert place.left() == ["cats_r1", "digits_r1", "digits_r2", "digits_r4"]


def test_folders_of_exports_that_crashed_an_hour_ago_go_and_those_of_running_ones_stay(
    place: Place,
) -> None:
    write_small_release(place.models)
    old, busy = place.models / ".writing-old", place.models / ".writing-busy"
    for folder in (old, busy):
        (folder / "digits_r2").mkdir(parents=True)
        (folder / "digits_r2" / "config.pbtxt").touch()
    long_ago = time.time() - 3601
    for path in (*old.rglob("*"), old, busy):
        os.utime(path, (long_ago, long_ago))

    ended = place.prune("--yes")

    assert ".writing-old (left by a writer that did not finish)" in ended.output
    assert not old.exists()
    assert busy.exists()
    assert place.left() == ["digits_r1"]


def test_a_removal_that_was_cut_short_is_finished(place: Place) -> None:
    write_small_release(place.models, number=1)
    folder = write_small_release(place.models, number=2)
    away = place.models / ".removing-digits_r2"
    away.mkdir()
    folder.rename(away / "digits_r2")

    assert place.left() == ["digits_r1"]
    assert place.prune("--yes").exit_code == 0
    assert len(list(place.models.iterdir())) == 4


def test_a_removal_that_was_cut_short_does_not_touch_a_new_release_of_that_number(
    place: Place,
) -> None:
    (place.models / ".removing-digits_r1" / "digits_r1").mkdir(parents=True)
    write_small_release(place.models, number=1)

    assert place.prune("--yes").exit_code == 0
    assert sorted(path.name for path in place.models.iterdir()) == [
        "digits_r1",
        "digits_r1_model",
        "digits_r1_postprocess",
        "digits_r1_preprocess",
    ]


def load(place: Place, release: str) -> Ended:
    return place.run("load", release, "--state-dir", place.folder / "state")


def done(release: str) -> Answer:
    return as_json({"release": release, "servers": [{"server": "triton-0", "done": True}]})


def test_the_first_release_of_a_name_is_loaded_and_answers(place: Place, stack: Stack) -> None:
    stack.gateway.answers = {
        "/v1/admin/releases/cats_r1/load": done("cats_r1"),
        "/v1/routes/cats": as_json({"arms": [{"release": "cats_r1", "weight": 100}]}),
    }

    ended = load(place, "cats_r1")

    assert ended.exit_code == 0
    assert ended.output.splitlines() == [
        "cats_r1 is loaded, and its golden inputs got their golden answers.",
        "It answers on /v1/predict/cats",
    ]
    assert [it.method for it in stack.gateway.asked] == ["POST", "GET"]


def test_a_later_release_and_one_that_is_not_promotable_move_no_traffic(
    place: Place, stack: Stack
) -> None:
    arms = [{"release": "digits_r1", "weight": 9}, {"release": "digits_r2", "weight": 0}]
    stack.gateway.answers = {
        "/v1/admin/releases/digits_r2/load": done("digits_r2"),
        "/v1/admin/releases/cats_r1/load": done("cats_r1"),
        "/v1/routes/digits": as_json({"arms": arms}),
        "/v1/admin/releases": as_json({"releases": [{"release": "cats_r1", "promotable": False}]}),
    }

    assert "No traffic moved: digits still means digits_r1." in load(place, "digits_r2").output
    assert "not promotable, so no route leads to it" in load(place, "cats_r1").output


def test_a_refusal_is_the_supervisors_own_sentence(place: Place, stack: Stack) -> None:
    message = "triton-0: cats_r1 was edited: labels.txt is not what release.json hashed."
    refusal = {"error": {"code": "release_refused", "message": message}}
    stack.gateway.answers["/v1/admin/releases/cats_r1/load"] = as_json(refusal, status=409)

    assert_one_sentence(load(place, "cats_r1"), "cats_r1 was edited: labels.txt")


def test_a_release_is_unloaded_and_who_is_away_is_named(place: Place, stack: Stack) -> None:
    away = {"server": "triton-1", "done": False, "reason": "its supervisor does not answer"}
    stack.gateway.answers["/v1/admin/releases/cats_r1/unload"] = as_json({"servers": [away]})

    ended = place.run("unload", "cats_r1", "--state-dir", place.folder / "state")
    assert ended.output.splitlines() == [
        "triton-1 follows later: its supervisor does not answer",
        "cats_r1 is unloaded.",
    ]


def test_what_is_no_release_name_and_a_stack_that_does_not_run_are_one_sentence(
    place: Place,
) -> None:
    assert_one_sentence(load(place, "../digits"), "'../digits' is no release name")
    assert_one_sentence(load(place, "digits_r1"), "No stack runs in")
