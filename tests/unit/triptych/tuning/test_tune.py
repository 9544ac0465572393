"""`triptych tune` without a Triton: time, journal, what is written and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.unit.triptych.command_line import Ended, assert_one_sentence, run_triptych
from tests.unit.triptych.small_release import write_small_release
from triptych.tuning.closed_loop import Load
from triptych.tuning.knobs import Setting
from triptych.tuning.trial import Trial, Trials
from triptych.tuning.tune import tune

TRIAL_SECONDS = 10.0


def rate(setting: Setting) -> float:
    """Two instances of the network are twice as fast, everything else is the same."""
    return 100.0 * setting["model_instances"]


@dataclass
class Bench:
    """In place of a machine that serves: each trial takes ten seconds of a clock of its own."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path
    p99_ms: float = 20.0
    failure: str = ""
    now: float = 0.0
    asked: list[Setting] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)
    before: Callable[[Setting], None] = lambda _: None

    def run(self, trials: Trials, setting: Setting) -> Trial:
        self.now += TRIAL_SECONDS
        self.asked.append(setting)
        self.items = list(trials.items)
        self.before(setting)
        if self.failure:
            return Trial(setting, (), self.failure)
        level = Load(4, rate(setting), self.p99_ms / 2, self.p99_ms, 2.5, 0)
        trials.on_level(setting, level)
        return Trial(setting, (level,))

    def tune(self, *options: object, minutes: float = 60) -> Ended:
        repository = ("--model-repository", self.folder / "models")
        state = ("--state-dir", self.folder / "state", "--minutes", minutes)
        arguments = ("tune", "digits_r1", "--p99-ms", 50, *repository, *state, *options)
        return run_triptych(self.monkeypatch, *arguments)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    write_small_release(tmp_path / "models")
    bench = Bench(monkeypatch, tmp_path)

    def run(trials: Trials, setting: Setting) -> Trial:
        return bench.run(trials, setting)

    monkeypatch.setattr(Trials, "run", run)
    monkeypatch.setattr("triptych.cli.tune.tune", partial(tune, clock=lambda: bench.now))
    monkeypatch.setattr("triptych.cli.tune.leave_on", lambda *_: None)
    return bench


def test_the_better_setting_is_written_as_the_next_release(bench: Bench) -> None:
    ended = bench.tune()
    assert ended.exit_code == 0
    assert "Written as digits_r2" in ended.output
    assert "the search is complete" in ended.output
    lines = {line.split()[0]: line.split()[1:] for line in ended.output.splitlines() if line}
    assert lines["before"][:2] == ["100", "4"]
    assert lines["after"][:2] == ["200", "4"]
    assert lines["model_instances"] == ["1", "2"]
    body = json.loads((bench.folder / "models" / "digits_r2" / "release.json").read_text())
    assert body["tuned"]["after"]["per_second"] == 200
    assert body["tuned"]["from"] == "digits_r1"


def test_a_dry_run_writes_nothing_and_programs_get_json(bench: Bench) -> None:
    ended = bench.tune("--dry-run", "--json")
    told = json.loads(ended.output)
    assert (told["written"], told["complete"]) == (None, True)
    assert told["after"]["setting"]["model_instances"] == 2
    assert "Not written" in bench.tune("--dry-run").output
    assert not (bench.folder / "models" / "digits_r2").exists()


def test_the_same_setting_is_not_written_twice(bench: Bench) -> None:
    assert bench.tune().exit_code == 0
    asked = len(bench.asked)

    again = bench.tune("--json")

    assert_one_sentence(again, "digits_r2", "has this setting already")
    assert len(bench.asked) == asked
    assert not (bench.folder / "models" / "digits_r3").exists()


def test_the_minutes_are_kept_and_the_next_run_goes_on(bench: Bench) -> None:
    ended = bench.tune("--dry-run", minutes=1)
    assert len(bench.asked) == 60 / TRIAL_SECONDS
    assert "the time was up" in ended.output
    bench.tune("--dry-run")
    in_two = len(bench.asked)
    bench.tune("--dry-run")
    assert len(bench.asked) == in_two  # everything is known by now
    bench.tune("--dry-run", "--anew")
    assert len(bench.asked) == 2 * in_two


def test_too_little_time_for_a_second_trial_leaves_the_release_as_it_is(bench: Bench) -> None:
    ended = bench.tune(minutes=0.1)
    assert ended.exit_code == 0
    assert "set best as it is" in ended.output
    assert len(bench.asked) == 1


def test_a_bound_that_nothing_keeps_is_said(bench: Bench) -> None:
    bench.p99_ms = 80.0
    ended = bench.tune()
    assert "No setting kept p99 under 50 ms." in ended.output
    assert not (bench.folder / "models" / "digits_r2").exists()


def test_a_setting_that_kept_the_bound_once_in_three_times_is_not_written(bench: Bench) -> None:
    bench.p99_ms = 80.0
    latencies = iter([40.0, 75.0, 70.0])

    def lucky(setting: Setting) -> None:
        is_turned = setting["model_instances"] == 2
        bench.p99_ms = next(latencies, 90.0) if is_turned else 90.0

    bench.before = lucky
    ended = bench.tune("--only", "model_instances")
    assert [it["model_instances"] for it in bench.asked] == [1, 2, 2, 1, 2, 1]
    assert "No setting kept p99 under 50 ms." in ended.output
    assert not (bench.folder / "models" / "digits_r2").exists()


def test_a_release_that_cannot_be_served_is_a_sentence(bench: Bench) -> None:
    bench.failure = "it does not load"
    assert_one_sentence(bench.tune("--json"), "digits_r1 cannot be served", "it does not load")
    assert len(bench.asked) == 1
    bench.failure = ""
    assert bench.tune("--json").exit_code == 0


def test_inputs_of_ones_own_are_asked_and_an_empty_folder_is_a_sentence(bench: Bench) -> None:
    own = bench.folder / "own"
    own.mkdir()
    assert_one_sentence(bench.tune("--json", "--inputs", own), "no file in")
    (own / "a.jpg").write_bytes(b"a picture")
    bench.tune("--dry-run", "--json", "--inputs", own)
    assert bench.items == [b"a picture"]
    asked = len(bench.asked)
    (own / "a.jpg").write_bytes(b"another picture")
    bench.tune("--dry-run", "--json", "--inputs", own)
    assert len(bench.asked) == 2 * asked  # what the first one gave says nothing of this one


def test_only_the_knobs_that_are_named_are_turned_and_another_is_a_sentence(bench: Bench) -> None:
    bench.tune("--dry-run", "--json", "--only", "model_threads", "--only", "max_batch_size")
    turned = {name for it in bench.asked for name in it if it[name] != bench.asked[0][name]}
    assert turned <= {"model_threads", "max_batch_size"}
    assert turned
    assert_one_sentence(bench.tune("--json", "--only", "luck"), "'luck'", "model_threads")
