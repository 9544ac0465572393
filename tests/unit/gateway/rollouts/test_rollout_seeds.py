"""The proof in short: 20 seeds of each candidate; benchmarks.rollout_seeds has 200."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.rollout_seeds import LEAST_RIGHT, PER_SECOND, RESULTS, TERMS, row, share_right
from benchmarks.rollout_simulation import CASES, Case, Pair, read_recording, simulate
from gateway.rollouts.policy import Action

SEEDS = 20
pytestmark = pytest.mark.no_cover  # of so many rounds the tracing would take most of the time
PAGE = Path(__file__).resolve().parents[4] / "docs" / "rollout-statistics.md"


@pytest.fixture(scope="module")
def recording() -> list[Pair]:
    return read_recording()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_candidate_is_promoted_or_rolled_back_as_it_should_be(
    case: Case, recording: list[Pair]
) -> None:
    runs = [simulate(case, recording, seed, TERMS, PER_SECOND) for seed in range(SEEDS)]

    assert share_right(case, runs) >= LEAST_RIGHT, row(case, runs)


def test_the_same_seed_gives_the_same_rollout(recording: list[Pair]) -> None:
    case = CASES[1]
    one, again, other = (simulate(case, recording, seed, TERMS, PER_SECOND) for seed in (1, 1, 2))

    assert one == again
    assert one != other


def test_wrong_labels_meet_few_callers(recording: list[Pair]) -> None:
    runs = [simulate(CASES[1], recording, seed, TERMS, PER_SECOND) for seed in range(SEEDS)]

    assert all(run.decision.action is Action.ROLL_BACK for run in runs)
    assert sorted(run.met for run in runs)[SEEDS // 2] == 0


def test_the_recording_is_of_a_real_stack_with_what_the_cases_need(recording: list[Pair]) -> None:
    assert len(recording) >= 3000
    assert all(len(outcome.labels) >= 2 for pair in recording for outcome in pair)
    assert not any(outcome.failed for pair in recording for outcome in pair)
    assert all(outcome.latency_ms > 0 for pair in recording for outcome in pair)


def test_the_page_has_the_table_that_the_command_wrote() -> None:
    table = [line for line in RESULTS.read_text().splitlines() if line.startswith("|")]

    assert len(table) >= 2 + len(CASES)
    assert "\n".join(table) in PAGE.read_text(encoding="utf-8")
