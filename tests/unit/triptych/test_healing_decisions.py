"""The pure parts of healing: what is decided, how long is waited, who is to blame."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triptych.client.triton import ModelCounts, Outcome
from triptych.supervisor.canary_rounds import round_seconds
from triptych.supervisor.decisions import Decision, Do, Facts, decide
from triptych.supervisor.hang_finder import Diagnosis, Finding, StepEvidence, judge_steps
from triptych.supervisor.heal_ladder import HealLadder
from triptych.supervisor.quiet_watch import QuietWatch
from triptych.supervisor.start_backoff import StartBackoff
from triptych.supervisor.troubles import Troubles


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_most_urgent_comes_first() -> None:
    all_at_once = Facts(
        has_ended=True,
        is_restart_asked=True,
        dead=["a_r1", "b_r1"],
        silent=["c_r1"],
        wrong=["d_r1"],
        is_quiet=True,
    )

    assert decide(all_at_once) == Decision(Do.REVIVE)
    alive = replace(all_at_once, has_ended=False)
    assert decide(alive) == Decision(Do.RESTART)
    unasked = replace(alive, is_restart_asked=False)
    assert decide(unasked) == Decision(Do.HEAL, "a_r1")
    assert decide(replace(unasked, dead=[])) == Decision(Do.EXAMINE, "c_r1")
    assert decide(replace(unasked, dead=[], silent=[])) == Decision(Do.REPAIR, "d_r1")
    assert decide(Facts(is_quiet=True)) == Decision(Do.RENEW)
    assert decide(Facts()) == Decision(Do.NOTHING)


def test_the_first_end_costs_no_wait_and_each_further_one_twice_as_much_up_to_a_minute() -> None:
    backoff = StartBackoff(1.0, 60.0, Clock())

    waits = [backoff.note_end() for _ in range(9)]

    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_after_three_healthy_minutes_the_ends_are_forgotten_and_not_before() -> None:
    clock = Clock()
    backoff = StartBackoff(1.0, 60.0, clock)
    backoff.note_end()
    backoff.note_healthy()
    clock.now += 170
    assert backoff.note_end() == 1
    backoff.note_healthy()
    clock.now += 181
    assert backoff.note_end() == 0


def test_a_heal_that_fails_is_tried_again_later_and_the_third_one_wants_a_new_server_once() -> None:
    clock = Clock()
    ladder = HealLadder(clock)
    assert ladder.waits_seconds("digits_r1") == 0
    waits, restarts = [], []
    for _ in range(5):
        ladder.note_failure("digits_r1")
        waits.append(ladder.waits_seconds("digits_r1"))
        restarts.append(ladder.wants_restart("digits_r1"))

    assert waits[:3] == [0.5, 1, 2]
    assert restarts == [False, False, True, False, False]
    assert ladder.waits_seconds("words_r1") == 0


def test_a_death_soon_after_a_heal_is_a_heal_that_failed_and_a_later_one_is_not() -> None:
    clock = Clock()
    ladder = HealLadder(clock)
    ladder.note_well("digits_r1")
    clock.now += 1
    ladder.note_trouble("digits_r1")
    assert ladder.waits_seconds("digits_r1") == 0.5
    ladder.note_well("digits_r1")
    clock.now += 60
    ladder.note_trouble("digits_r1")
    assert ladder.waits_seconds("digits_r1") == 0


WELL = StepEvidence(Outcome.ANSWERED, has_advanced=False, busy_share=0.0)
SILENT = StepEvidence(Outcome.PENDING, has_advanced=False, busy_share=0.0)


@pytest.mark.parametrize(
    ("model", "finding"),
    [
        (WELL, Finding(Diagnosis.NOTHING)),
        (SILENT, Finding(Diagnosis.STEPS_HANG, ("model",))),
        (replace(SILENT, probe=Outcome.FAILED), Finding(Diagnosis.STEPS_HANG, ("model",))),
        (replace(SILENT, probe=Outcome.REFUSED), Finding(Diagnosis.STEPS_HANG, ("model",))),
        (replace(SILENT, has_advanced=True, stuck_seconds=30), Finding(Diagnosis.SLOW)),
        (replace(WELL, has_advanced=True), Finding(Diagnosis.SLOW)),
        (replace(SILENT, busy_share=0.9, stuck_seconds=3), Finding(Diagnosis.SLOW)),
        (
            replace(SILENT, busy_share=0.9, stuck_seconds=11),
            Finding(Diagnosis.STEPS_HANG, ("model",)),
        ),
        (replace(SILENT, helpers_share=0.9, stuck_seconds=30), Finding(Diagnosis.SLOW)),
        (
            replace(SILENT, helpers_share=0.9, stuck_seconds=61),
            Finding(Diagnosis.STEPS_HANG, ("model",)),
        ),
    ],
)
def test_who_neither_answers_nor_works_hangs(model: StepEvidence, finding: Finding) -> None:
    seen = {"preprocess": WELL, "model": model, "postprocess": WELL}

    assert judge_steps(seen) == finding


def test_canaries_alone_are_quiet_and_one_request_more_is_not() -> None:
    clock = Clock()
    watch = QuietWatch(clock)
    assert watch.look({"a": ModelCounts(requests=8)}, canaries=2) == 0
    clock.now += 5
    assert watch.look({"a": ModelCounts(requests=28)}, canaries=7) == 5
    clock.now += 1
    assert watch.look({"a": ModelCounts(requests=32, failures=1)}, canaries=8) == 0
    clock.now += 1
    assert watch.look({"a": ModelCounts(requests=0)}, canaries=8) == 0  # loaded anew
    clock.now += 4
    assert watch.look({"a": ModelCounts(requests=0)}, canaries=8) == 4


def test_few_releases_are_asked_every_second_and_many_take_turns() -> None:
    assert round_seconds([0.04, 0.01], 1.0) == 1.0
    assert round_seconds([0.001] * 3, 1.0) == 1.0
    assert round_seconds([0.01] * 5, 1.0) == pytest.approx(5.0)
    assert round_seconds([0.04] * 100, 1.0) == 10.0


def test_a_trouble_in_hand_is_not_told_twice_and_a_good_answer_does_not_undo_a_death() -> None:
    clock = Clock()
    troubles = Troubles(clock)
    troubles.note_silence("digits_r1", sent=98.0)
    assert troubles.silent() == ["digits_r1"]
    assert troubles.take_silence("digits_r1") == (2.0, 1)
    assert troubles.silent() == []
    troubles.note_death("digits_r1", "model", "stub died")
    troubles.note_answer("digits_r1")
    assert troubles.dead() == ["digits_r1"]
    assert troubles.take_deaths("digits_r1") == ({"model": "stub died"}, 100.0)
    assert not troubles.has_deaths("digits_r1")
    troubles.note_wrong("digits_r1")
    assert troubles.wrong(at_least=1) == ["digits_r1"]
    troubles.note_answer("digits_r1")
    assert troubles.wrong(at_least=1) == []
