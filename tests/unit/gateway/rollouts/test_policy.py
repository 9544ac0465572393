"""What a rollout does next: the ordinary way, and the odd ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.rollouts.latency_sketch import LatencySketch
from gateway.rollouts.policy import (
    Action,
    Check,
    Decision,
    LatencyThresholds,
    LimitCheck,
    Metric,
    RolloutTerms,
    StepEvidence,
    Verdict,
    decide,
    latency_thresholds,
)
from gateway.rollouts.totals import ArmTotals, PairTotals

TERMS = RolloutTerms()
ENOUGH = 60.0  # seconds of a step
USUAL_MS = 10.0


def arm(requests: int, failures: int = 0, ms: float = USUAL_MS) -> ArmTotals:
    answered = requests - failures
    return ArmTotals(requests, failures, answered, latency_of(answered, ms))


def latency_of(count: int, ms: float) -> LatencySketch:
    one = LatencySketch()
    one.add(ms)
    (bucket,) = [int(one.to_json()["first"])]
    return LatencySketch({bucket: count} if count else {})


def pairs(count: int, disagreed: int = 0, failed: int = 0, ms: float = USUAL_MS) -> PairTotals:
    agreed = count - disagreed - failed
    return PairTotals(
        pairs=count,
        top1_agreed=agreed,
        top_k_agreed=agreed,
        outcome_differed=failed,
        candidate_failures=failed,
        serving_latency=latency_of(count, USUAL_MS),
        candidate_latency=latency_of(count, ms),
    )


BASELINE = StepEvidence(0, stable=arm(3000), pairs=pairs(300))
THRESHOLDS = latency_thresholds([BASELINE])


def step(percent: int, candidate: ArmTotals, stable: ArmTotals | None = None) -> StepEvidence:
    return StepEvidence(percent, candidate, stable or arm(3000), pairs(300), THRESHOLDS)


def check_of(decision: Decision, metric: Metric) -> Check:
    return next(check for check in decision.checks if check.metric is metric)


def verdict(decision: Decision, metric: Metric) -> Verdict:
    return check_of(decision, metric).verdict


def test_a_good_candidate_goes_through_all_steps_and_is_promoted() -> None:
    evidence = [BASELINE]
    for following in (1, 5, 25, 50):
        decision = decide(TERMS, evidence, ENOUGH)
        assert (decision.action, decision.next_percent) == (Action.ADVANCE, following)
        evidence.append(step(following, arm(following * 30 + 50)))
    decision = decide(TERMS, evidence, ENOUGH)

    assert (decision.action, decision.next_percent) == (Action.PROMOTE, 100)
    assert decision.sentence == "Step 50 % is passed: promoted."


def test_nothing_recorded_waits_and_says_for_what() -> None:
    decision = decide(TERMS, [StepEvidence(0)], 3.2)

    assert decision.action is Action.WAIT
    assert decision.next_percent is None
    assert decision.sentence == (
        "Baseline: waits for requests to stable (0 of 50), mirrored pairs (0 of 100), "
        "time (3 of 60 s)."
    )
    assert {check.verdict for check in decision.checks} == {Verdict.UNKNOWN}


def test_a_candidate_with_too_few_requests_waits_for_ever_and_says_so() -> None:
    decision = decide(TERMS, [BASELINE, step(1, arm(49))], 1e7)

    assert decision.action is Action.WAIT
    assert decision.sentence == "Step 1 %: waits for requests to the candidate (49 of 50)."


def test_without_stable_s_answers_nothing_is_compared_and_it_waits() -> None:
    no_answers = StepEvidence(1, arm(500, 5), arm(0), PairTotals())
    decision = decide(replace(TERMS, min_pairs=0), [StepEvidence(0), no_answers], ENOUGH)

    assert decision.action is Action.WAIT
    assert "requests to stable (0 of 50)" in decision.sentence
    assert verdict(decision, Metric.FAILURES) is Verdict.UNKNOWN
    assert latency_thresholds([no_answers]) is None


def test_wrong_labels_are_stopped_before_a_caller_meets_them() -> None:
    decision = decide(TERMS, [StepEvidence(0, stable=arm(3000), pairs=pairs(300, 15))], 20)

    assert (decision.action, decision.next_percent) == (Action.ROLL_BACK, 0)
    assert decision.sentence == (
        "Rolled back: 15 of 300 (5.0%) mirrored items got another label, tolerated are 1.0%."
    )


def test_failures_of_mirrored_items_stop_a_candidate_before_a_caller_meets_them() -> None:
    terms = replace(TERMS, disagreement_limit=0.5)
    decision = decide(terms, [StepEvidence(0, stable=arm(3000), pairs=pairs(300, failed=20))], 20)

    assert decision.action is Action.ROLL_BACK
    assert decision.sentence == (
        "Rolled back: 20 of 300 (6.7%) requests failed, of stable's 0 of 3000 (0.0%), "
        "tolerated are 0.5% more."
    )


def test_what_the_serving_arm_failed_is_no_disagreement_of_the_candidate() -> None:
    failed = replace(pairs(300), top1_agreed=200, outcome_differed=100, serving_failures=100)
    decision = decide(TERMS, [StepEvidence(0, stable=arm(3000, 1000), pairs=failed)], ENOUGH)

    assert decision.action is Action.ADVANCE


def test_slow_answers_are_a_reason_and_the_sentence_says_slower_than_what() -> None:
    decision = decide(TERMS, [BASELINE, step(1, arm(100, ms=USUAL_MS * 1.3))], 20)

    assert decision.action is Action.ROLL_BACK
    assert "100 of 100 (100.0%) answers took more than 10.0% longer than stable's median" in (
        decision.sentence
    )
    assert verdict(decision, Metric.TAIL_LATENCY) is Verdict.WORSE
    assert verdict(decision, Metric.HARD_LATENCY) is Verdict.UNKNOWN


def test_equal_latencies_and_a_tenth_more_are_fine() -> None:
    for ms in (USUAL_MS, USUAL_MS * 1.05):
        decision = decide(TERMS, [BASELINE, step(1, arm(100_000, ms=ms))], ENOUGH)
        assert decision.action is Action.ADVANCE


def test_thresholds_are_the_median_and_the_p95_of_what_stable_took_before() -> None:
    slow = StepEvidence(1, stable=ArmTotals(latency=latency_of(600, 50.0)))
    found = latency_thresholds([BASELINE, slow])

    assert isinstance(found, LatencyThresholds)
    assert USUAL_MS <= found.median_ms <= USUAL_MS * 1.05
    assert 50 <= found.p95_ms <= 50 * 1.05
    assert latency_thresholds([]) is None


def test_a_candidate_that_always_fails_is_stopped_at_once() -> None:
    decision = decide(TERMS, [BASELINE, step(1, arm(20, 20))], 1)

    assert decision.action is Action.ROLL_BACK


def test_where_both_arms_always_fail_nobody_is_blamed() -> None:
    silent = replace(step(1, arm(500, 500), arm(500, 500)), pairs=PairTotals())
    decision = decide(TERMS, [BASELINE, silent], ENOUGH)

    assert decision.action is Action.WAIT


def test_the_hard_limit_on_failures_asks_for_no_evidence_and_spares_who_shares_an_outage() -> None:
    terms = replace(TERMS, error_margin=0.9, disagreement_limit=0.9)
    failing = decide(terms, [BASELINE, replace(step(1, arm(20, 5)), pairs=PairTotals())], 5)
    too_few = decide(terms, [BASELINE, replace(step(1, arm(19, 5)), pairs=PairTotals())], 5)
    outage = replace(step(1, arm(20, 5), arm(100, 30)), pairs=PairTotals())

    assert failing.sentence == ("Rolled back: 25.0% of 20 requests failed, the limit is 20.0%.")
    assert verdict(too_few, Metric.HARD_FAILURES) is Verdict.UNKNOWN
    assert decide(terms, [BASELINE, outage], 5).action is Action.WAIT


def test_the_hard_limit_on_the_p95_holds_for_mirrored_items_too() -> None:
    slow = StepEvidence(0, stable=arm(3000), pairs=pairs(200, ms=USUAL_MS * 4))
    decision = decide(TERMS, [slow], 20)

    assert decision.action is Action.ROLL_BACK
    assert "the p95 of 200 answers is " in decision.sentence
    check = check_of(decision, Metric.HARD_LATENCY_OF_PAIRS)
    assert isinstance(check, LimitCheck)
    assert check.candidate > check.limit > check.stable


@pytest.mark.parametrize(("failures", "action"), [(10**7, "advance"), (10**8, "roll_back")])
def test_a_thousand_million_requests_are_decided_and_told_in_json(
    failures: int, action: str
) -> None:
    huge = StepEvidence(1, arm(10**9, failures), arm(10**9, 10**7), pairs(10**9, 10**6), THRESHOLDS)
    decision = decide(TERMS, [BASELINE, huge], ENOUGH)

    assert decision.action == action
    told = json.loads(json.dumps(decision.to_json(), allow_nan=False))
    assert [check["metric"] for check in told["checks"]] == list(Metric)


@pytest.mark.parametrize("percents", [[], [1], [0, 5], [0, 1, 5, 25, 50, 100]])
def test_evidence_of_other_steps_is_refused(percents: list[int]) -> None:
    with pytest.raises(ValueError, match="not of the baseline"):
        decide(TERMS, [StepEvidence(percent) for percent in percents], 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": ()},
        {"steps": (1, 50)},
        {"steps": (0, 100)},
        {"steps": (50, 25, 100)},
        {"steps": (50, 50, 100)},
        {"steps": (50, 100, 200)},
        {"alpha": 0.0},
        {"error_margin": 1.0},
        {"latency_margin": -0.1},
        {"mirror_percent": 101.0},
        {"mirror_percent": 0.0},
        {"hard_p95_ratio": 1.0},
        {"min_requests": -1},
        {"step_seconds": -1.0},
    ],
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rise|lies between|is a share|mirror|above 1|0 or more"):
        replace(TERMS, **wrong)


def test_a_rollout_may_have_the_promotion_as_its_only_step_and_mirror_nothing() -> None:
    terms = RolloutTerms(steps=(100,), mirror_percent=0.0, min_pairs=0)
    decision = decide(terms, [StepEvidence(0, stable=arm(50))], ENOUGH)

    assert decision.action is Action.PROMOTE


def test_a_recorded_decision_has_its_numbers_and_their_limits() -> None:
    decision = decide(TERMS, [BASELINE, step(1, arm(100, 1))], 20)
    told = decision.to_json()
    failures, agreement = told["checks"][0], told["checks"][3]

    assert (told["action"], told["next_percent"]) == ("wait", None)
    assert failures["metric"] == "failures"
    assert (failures["candidate"]["hits"], failures["candidate"]["of"]) == (1, 700)
    assert failures["candidate"]["lower"] < 1 / 700 < failures["candidate"]["upper"]
    assert failures["stable"]["of"] == 6000
    assert failures["evidence"] < failures["needed"] == pytest.approx(4 / 0.05)
    assert agreement["stable"] is None
