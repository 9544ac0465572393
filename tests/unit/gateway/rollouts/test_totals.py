"""What is counted of answers and of pairs."""

from __future__ import annotations

import json

import pytest

from gateway.rollouts.totals import MOST_LABELS, OTHER_LABELS, ArmTotals, ItemOutcome, PairTotals

SEVEN = ItemOutcome(5.0, labels=("7", "1", "9"), score=0.9)
SEVEN_THEN_NINE = ItemOutcome(6.0, labels=("7", "9", "1"), score=0.84)
ONE = ItemOutcome(7.0, labels=("1", "7", "9"), score=0.5)
REFUSED = ItemOutcome(2.0)
FAILED = ItemOutcome(failed=True)


def pair(serving: ItemOutcome, candidate: ItemOutcome) -> PairTotals:
    totals = PairTotals()
    totals.add(serving, candidate)
    return totals


def test_an_arm_counts_requests_items_latency_and_top_labels() -> None:
    totals = ArmTotals()
    totals.add(5.0, ["7", "7", "1"])
    totals.add(6.0, [])
    totals.add_failure()

    assert (totals.requests, totals.failures, totals.items) == (3, 1, 3)
    assert totals.latency.total == 2
    assert totals.labels == {"7": 2, "1": 1}


def test_labels_beyond_the_first_200_are_counted_together() -> None:
    totals = ArmTotals()
    for number in range(MOST_LABELS + 50):
        totals.add(1.0, [f"label {number}"])
    totals.add(1.0, ["label 3"])

    assert len(totals.labels) == MOST_LABELS + 1
    assert totals.labels[OTHER_LABELS] == 50
    assert totals.labels["label 3"] == 2


def test_sums_of_arms_keep_to_200_labels_too() -> None:
    one, another = ArmTotals(), ArmTotals()
    one.add(1.0, [f"a{number}" for number in range(150)])
    another.add(1.0, [f"b{number}" for number in range(150)])
    both = one + another

    assert len(both.labels) == MOST_LABELS + 1
    assert sum(both.labels.values()) == both.items == 300
    assert len(one.labels) == 150


def test_an_arm_survives_json() -> None:
    totals = ArmTotals()
    totals.add(5.0, ["7"])
    totals.add_failure()

    assert ArmTotals.from_json(json.loads(json.dumps(totals.to_json()))) == totals


@pytest.mark.parametrize(
    ("serving", "candidate", "agreed"),
    [
        (SEVEN, SEVEN, (1, 1, 0)),
        (SEVEN, SEVEN_THEN_NINE, (1, 0, 0)),
        (SEVEN, ONE, (0, 0, 0)),
        (REFUSED, REFUSED, (1, 1, 0)),
        (SEVEN, REFUSED, (0, 0, 1)),
        (REFUSED, SEVEN, (0, 0, 1)),
        (SEVEN, FAILED, (0, 0, 1)),
        (FAILED, SEVEN, (0, 0, 1)),
        (FAILED, FAILED, (0, 0, 0)),
        (REFUSED, FAILED, (0, 0, 0)),
    ],
)
def test_agreement_of_a_pair(
    serving: ItemOutcome, candidate: ItemOutcome, agreed: tuple[int, int, int]
) -> None:
    totals = pair(serving, candidate)

    assert (totals.top1_agreed, totals.top_k_agreed, totals.outcome_differed) == agreed
    assert totals.pairs == 1
    assert (totals.serving_failures, totals.candidate_failures) == (
        serving.failed,
        candidate.failed,
    )


def test_score_differences_fall_into_bins_of_a_twentieth() -> None:
    totals = pair(SEVEN, SEVEN_THEN_NINE) + pair(SEVEN, ONE) + pair(SEVEN, REFUSED)
    totals.add(ItemOutcome(1.0, labels=("1",), score=1.0), ItemOutcome(1.0, labels=("1",)))

    assert [place for place, count in enumerate(totals.score_differences) if count] == [1, 8, 19]
    assert sum(totals.score_differences) == 3


def test_latencies_of_a_pair_are_counted_where_neither_failed() -> None:
    totals = pair(SEVEN, ONE) + pair(SEVEN, FAILED) + pair(FAILED, SEVEN) + pair(SEVEN, REFUSED)

    assert totals.serving_latency.total == totals.candidate_latency.total == 2


def test_pairs_add_up_and_survive_json() -> None:
    totals = pair(SEVEN, ONE) + pair(SEVEN, FAILED)
    totals.add_dropped()

    assert (totals.pairs, totals.candidate_failures, totals.dropped) == (2, 1, 1)
    assert PairTotals.from_json(json.loads(json.dumps(totals.to_json()))) == totals


def test_pairs_with_another_number_of_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="3 bins"):
        PairTotals.from_json(PairTotals().to_json() | {"score_differences": [0, 0, 0]})
