"""What a supervisor tells of one release on its disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.triptych.small_release import DRAFT, write
from triptych.errors import ReleaseBroken, ReleaseNameInvalid
from triptych.release import sha256
from triptych.routing import ReleaseName
from triptych.supervisor.release_card import tell_card

DIGITS = ReleaseName("digits", 1)
MATRIX = [[9, 1, 0], [0, 10, 0], [0, 0, 10]]


def card_with(tmp_path: Path, **changes: object) -> dict[str, object]:
    write(tmp_path, replace(DRAFT, **changes))  # type: ignore[arg-type]  # each test names some of the fields
    return tell_card(tmp_path, DIGITS)


def test_a_card_tells_what_was_measured_and_where_it_comes_from(tmp_path: Path) -> None:
    measured = {"images": 30, "correct": 29, "accuracy": 0.9667, "confusion": MATRIX}
    card = card_with(tmp_path, metrics={"held_out": measured, "accuracy": 0.9, "seconds": 5.5})

    assert card["measurements"] == [
        {"name": "held_out", "accuracy": 0.9667, "inputs": 30, "confusion": MATRIX},
        {"name": "accuracy", "accuracy": 0.9, "inputs": None, "confusion": None},
    ]
    assert (card["name"], card["git_commit"], card["precision"]) == ("digits_r1", "abc123", "fp32")
    assert card["source"] == {"framework": "torch", "seed": "7"}
    assert card["labels"] == ["0", "1", "2"]
    assert card["engines"] == [card["engine"]] == ["onnxruntime"]
    assert card["parity"] is None
    model = "digits_r1_model/1/model.onnx"
    artifacts = card["artifacts"]
    assert isinstance(artifacts, dict)
    assert artifacts[model] == card["model_sha256"] == sha256(tmp_path / model)


@pytest.mark.parametrize("confusion", ["none", [], [[1, 2]], [[1.5]], [[0] * 101] * 101])
def test_what_is_no_matrix_or_too_large_a_one_is_left_out(
    tmp_path: Path, confusion: object
) -> None:
    card = card_with(tmp_path, metrics={"held_out": {"accuracy": 0.5, "confusion": confusion}})

    assert card["measurements"] == [
        {"name": "held_out", "accuracy": 0.5, "inputs": None, "confusion": None}
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_breaks_the_card_and_not_the_supervisor(
    tmp_path: Path, number: float
) -> None:
    with pytest.raises(ReleaseBroken, match=r"digits_r1: release\.json tells a number"):
        card_with(tmp_path, metrics={"held_out": {"accuracy": number}})


def test_a_card_has_a_bounded_size(tmp_path: Path) -> None:
    labels = tuple(map(str, range(1000)))
    metrics = {f"set {number}": {"accuracy": 0.5} for number in range(40)}
    card = card_with(tmp_path, labels=labels, metrics=metrics)
    assert (card["classes"], len(card["labels"])) == (1000, 100)  # type: ignore[arg-type]  # a list
    assert len(card["measurements"]) == 16  # type: ignore[arg-type]  # a list

    write(tmp_path, replace(DRAFT, number=2, source={"notes": "x" * 1_100_000}))
    with pytest.raises(ReleaseBroken, match="tells more than"):
        tell_card(tmp_path, ReleaseName("digits", 2))


def test_a_release_that_is_not_there_has_no_card(tmp_path: Path) -> None:
    with pytest.raises(ReleaseNameInvalid, match="no release 'digits_r1'"):
        tell_card(tmp_path, DIGITS)
