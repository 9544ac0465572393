"""What counts as the same answer."""

from __future__ import annotations

import pytest

from python_backends.shared.contract import ItemAnswer, Status
from triptych.plans.agreement import find_disagreement

NAN = float("nan")
OK = ItemAnswer(Status.OK, ("7", "1"), (0.9, 0.06))
REFUSED = ItemAnswer(Status.UNDECODABLE, (), ())


def answer(*scores: float, labels: tuple[str, ...] = ("7", "1")) -> ItemAnswer:
    return ItemAnswer(Status.OK, labels, scores)


@pytest.mark.parametrize(
    "plan",
    [OK, answer(0.915, 0.05), answer(0.9, 0.05, labels=("7", "4"))],
    ids=["equal", "a little beside", "another one among the last"],
)
def test_small_differences_are_agreement(plan: ItemAnswer) -> None:
    assert find_disagreement(["a.jpg"], [OK], [plan]) is None


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (answer(0.9, 0.06, labels=("1", "7")), "a.jpg is ('1',) with the plan and ('7',) without"),
        (answer(0.87, 0.06), "a.jpg scores 0.8700 for '7' with the plan and 0.9000 without"),
        (answer(NAN, NAN), "a.jpg scores nan for '7' with the plan and 0.9000 without"),
        (
            answer(0.9, 0.09, labels=("7", "4")),
            "a.jpg scores 0.0900 for '1' with the plan and 0.0600 without",
        ),
        (REFUSED, "a.jpg is UNDECODABLE with the plan and OK without"),
    ],
    ids=["another label", "too far", "no number", "another one too high", "refused"],
)
def test_what_differs_is_told(plan: ItemAnswer, reason: str) -> None:
    assert find_disagreement(["a.jpg"], [OK], [plan]) == reason


def test_the_first_of_several_is_told() -> None:
    wrong = answer(0.5, 0.06)

    told = find_disagreement(["a", "b", "c"], [OK, OK, OK], [OK, wrong, wrong])

    assert told == "b scores 0.5000 for '7' with the plan and 0.9000 without"


def test_what_both_refuse_is_agreement() -> None:
    assert find_disagreement(["a"], [REFUSED], [REFUSED]) is None
