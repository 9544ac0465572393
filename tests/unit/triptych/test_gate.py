"""What the gate says of each engine, over a network that can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.triptych.pixel_network import LABELS, PURE, SOURCE, answers, infer, prepared
from tests.unit.triptych.small_release import DRAFT
from triptych.errors import EngineUnfit, OptionInvalid
from triptych.export.gate import Gate, Wishes
from triptych.export.golden_inputs import Item
from triptych.export.loaded_model import LoadedModel, SourceModel, Tensors
from triptych.export.parity_markdown import engine_sentence
from triptych.export.release_writer import GoldenInput

ITEMS = [Item(f"{number}.png", b"") for number in range(3)]
KEPT = [GoldenInput(name, b"", "", 0.0) for name in ("2.png", "0.png")]
NO_GRAPH: Any = None


def gate(wishes: Wishes | None = None, source: SourceModel = SOURCE) -> Gate:
    loaded = LoadedModel(DRAFT.preprocess, NO_GRAPH, LABELS, source, {})
    return Gate(loaded, ITEMS, prepared(PURE), wishes or Wishes())


def shifted(by: float) -> NDArray[np.float32]:
    """Logits whose order is the source's, but whose scores are not."""
    return np.asarray(infer(prepared(PURE)) * (1 + by), np.float32)


def test_an_engine_that_passes_has_its_own_answers_to_what_is_kept_in_that_order() -> None:
    served = answers(PURE, shifted(0.00001))

    verdict = gate().judge_engine(served, "fp32", KEPT)

    assert verdict.passed
    assert [label for label, _ in verdict.answers] == ["blue", "red"]
    assert verdict.answers[0][1] == round(float(served.scores[2, 0]), 6)
    assert engine_sentence(verdict).startswith("yes: 100.00% agree, scores differ by ")


def test_what_is_too_far_off_for_fp32_may_do_for_bf16() -> None:
    served = answers(PURE, shifted(-0.1))

    as_fp32 = gate().judge_engine(served, "fp32", KEPT)
    as_bf16 = gate().judge_engine(served, "bf16", KEPT)

    assert (as_fp32.passed, as_fp32.answers) == (False, ())
    assert engine_sentence(as_fp32).startswith("no: 100.00% agree")
    assert "a score differs by" in engine_sentence(as_fp32)
    assert as_bf16.passed


def test_an_engine_that_answers_with_no_number_does_not_pass_and_is_the_engines_fault() -> None:
    broken = answers(PURE, np.full_like(infer(prepared(PURE)), np.nan))

    verdict = gate().judge_engine(broken, "fp32", KEPT)

    assert not verdict.passed
    assert "with NaN or infinity, which the source does not" in engine_sentence(verdict)
    with pytest.raises(EngineUnfit):
        gate().judge(broken, "fp32")


def test_an_engine_that_could_not_be_asked_does_not_pass_and_says_why() -> None:
    verdict = gate().judge_engine("there is no such backend", "fp32", KEPT)

    assert not verdict.passed
    assert engine_sentence(verdict) == "no: there is no such backend"


def test_a_given_tolerance_holds_for_every_engine() -> None:
    strict = gate(Wishes(score=0.0001))

    assert not strict.judge_engine(answers(PURE, shifted(-0.1)), "bf16", KEPT).passed


def test_of_random_weights_no_engine_passes() -> None:
    verdict = gate(Wishes(is_untrained=True)).judge_engine(answers(PURE), "fp32", KEPT)

    assert "agreement not meaningful" in engine_sentence(verdict)


def test_a_tolerance_that_is_no_number_is_refused() -> None:
    with pytest.raises(OptionInvalid, match="finite"):
        Wishes(top_1=float("nan")).tolerances("fp32", is_quick=False)


def test_the_source_is_asked_once_about_the_same_pixels() -> None:
    asked: list[Tensors] = []

    def counting(tensors: Tensors) -> NDArray[np.float32]:
        asked.append(tensors)
        return infer(tensors)

    judge = gate(source=replace(SOURCE, infer=counting))
    first = judge.judge(answers(PURE), "fp32")
    many = len(asked)
    again = judge.judge(answers(PURE, shifted(-0.1)), "bf16")

    assert first.has_passed
    assert again.has_passed
    assert 3 <= many == len(asked)
