from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.triptych.pixel_network import (
    LABELS,
    PURE,
    SOURCE,
    answers,
    infer,
    prepared,
    refuse,
    report,
)
from triptych.errors import EngineUnfit, SourceUnfit
from triptych.export.loaded_model import SourceModel, Tensors
from triptych.export.parity import TOLERANCES, Difference, Tolerances, compare


def test_a_pipeline_that_says_what_its_source_says_passes() -> None:
    found = report(answers(PURE))

    assert found.has_passed
    assert found.is_meaningful
    assert (found.inputs, found.classes_met, found.classes) == (3, 3, 3)
    assert (found.top_1_agreement, found.top_5_overlap) == (1.0, 1.0)
    assert found.scores == Difference(0.0, 0.0)
    assert found.features.largest < 1e-4
    assert found.model_logits == Difference(0.0, 0.0)
    assert found.disagreements == ()
    assert found.preprocessing == "by hand"


def test_pixels_that_differ_are_measured_in_pixel_values() -> None:
    other = PURE.copy()
    other[1, 2] += 3

    found = report(answers(other))

    assert found.features.largest == pytest.approx(3, abs=1e-3)
    assert found.features.mean == pytest.approx(3 / 9, abs=1e-3)
    assert found.model_logits == Difference(0.0, 0.0)  # the network alone is the same


def test_swapped_channels_are_compared_each_with_its_own() -> None:
    assert SOURCE.normalisation is not None
    swapped = replace(SOURCE, normalisation=replace(SOURCE.normalisation, channels=(2, 1, 0)))
    mirrored = PURE[:, ::-1].copy()  # served RGB that the network, which takes BGR, sees as PURE
    served = replace(answers(PURE), features=answers(mirrored).features)

    found = report(served, source=swapped)

    assert found.features.largest < 1e-4
    assert found.has_passed, found.failures


def test_a_label_that_differs_is_named_with_both() -> None:
    logits = infer(prepared(PURE))
    logits[2] = [9.5, 0, 1]

    found = report(answers(PURE, logits))

    assert found.top_1_agreement == pytest.approx(2 / 3)
    assert found.disagreements == (("2", "blue", "red"),)
    assert "top-1 agreement is 66.67%, 100.00% is needed" in found.failures
    assert not found.has_passed


def test_a_score_that_differs_too_much_fails_though_all_labels_agree() -> None:
    logits = infer(prepared(PURE))
    logits[0, 0] -= 6

    found = report(answers(PURE, logits))

    assert found.top_1_agreement == 1.0
    (sentence,) = found.failures
    assert sentence.startswith("a score differs by 0.21,")
    assert sentence.endswith("0.001 is allowed")
    assert found.model_logits == Difference(6.0, round(6 / 9, 8))


def test_the_largest_difference_of_any_class_counts() -> None:
    even, odd = np.array([[0.0, 0.0]]), np.array([[0.0, math.log(3)]])

    assert Difference.of(even, odd) == Difference(round(math.log(3), 8), round(math.log(3) / 2, 8))
    assert Difference.of(np.ones(2, np.uint8), np.full(2, 2, np.uint8)) == Difference(1.0, 1.0)


def test_int8_may_differ_in_scores_and_in_two_labels_of_a_hundred() -> None:
    pixels = np.repeat(PURE, 34, axis=0)[:100]
    logits = infer(prepared(pixels)) * 0.6
    wrong = logits.copy()
    wrong[:2] = [0, 9, 0]
    one_too_many = wrong.copy()
    one_too_many[2] = [0, 9, 0]

    passed = report(answers(pixels, wrong), pixels, tolerances=TOLERANCES["int8"])
    failed = report(answers(pixels, one_too_many), pixels, tolerances=TOLERANCES["int8"])

    assert passed.top_1_agreement == pytest.approx(0.98)
    assert passed.failures == ()
    assert failed.failures == ("top-1 agreement is 97.00%, 98.00% is needed",)


def test_tolerances_of_ones_own_are_the_ones_that_count() -> None:
    logits = infer(prepared(PURE))
    logits[2] = [9.5, 0, 1]

    lenient = report(answers(PURE, logits), tolerances=Tolerances(0.5, 1.0))
    strict = report(answers(PURE, logits), tolerances=Tolerances(0.5, 0.5))

    assert lenient.has_passed
    assert [sentence[:15] for sentence in strict.failures] == ["a score differs"]


def test_overlap_counts_the_best_labels_without_their_order() -> None:
    logits = infer(prepared(PURE))
    served = answers(PURE, logits[:, [1, 0, 2]])
    top_2 = replace(served, labels=served.labels[:, :2], scores=served.scores[:, :2])

    # Source: red, blue / green, blue / blue, green. Served: green, blue / red, blue / blue, red.
    assert report(top_2).top_5_overlap == pytest.approx(0.5)


def test_random_weights_prove_nothing() -> None:
    found = report(answers(PURE), is_trained=False)

    assert found.failures == ("agreement not meaningful: the weights are random",)
    assert not found.is_meaningful


def test_a_source_that_is_sure_of_nothing_proves_nothing() -> None:
    unsure = replace(SOURCE, infer=lambda tensors: infer(tensors) * np.float32(0.01))
    found = report(answers(PURE, infer(prepared(PURE)) * 0.01), source=unsure)

    assert found.top_1_agreement == 1.0
    assert not found.is_meaningful
    (sentence,) = found.failures
    assert "hardly above chance" in sentence


def test_inputs_that_all_have_one_label_prove_nothing() -> None:
    pixels = np.repeat(PURE[:1], 3, axis=0)

    found = report(answers(pixels), pixels)

    (sentence,) = found.failures
    assert "meet 1 of 3 classes, 3 are needed (give your own with --golden)" in sentence
    assert not found.is_meaningful


def test_an_item_that_is_refused_fails_the_gate() -> None:
    found = report(refuse(answers(PURE), 1))

    assert "1 golden inputs were refused by the preprocess step" in found.failures
    assert found.disagreements == (("1", "green", ""),)


def test_an_ensemble_whose_scores_are_not_its_models_fails_the_gate() -> None:
    served = answers(PURE)
    scores = served.scores.copy()
    scores[1] = [0.6, 0.3, 0.1]

    found = report(replace(served, scores=scores))

    assert found.failures == ("the ensemble's scores are not its model's",)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_no_number_is_never_judged(value: float) -> None:
    logits = infer(prepared(PURE))
    logits[1, 2] = value
    broken = replace(SOURCE, infer=lambda tensors: infer(tensors) * np.float32(value))

    with pytest.raises(EngineUnfit, match="answers 1 with NaN or infinity, which the source"):
        report(replace(answers(PURE), logits=logits))
    with pytest.raises(SourceUnfit, match="answers 0 with NaN or infinity"):
        report(answers(PURE), source=broken)


def test_the_source_is_asked_about_each_item_alone_so_that_neighbours_cannot_hide() -> None:
    batches: list[int] = []

    def count(tensors: Tensors) -> NDArray[np.float32]:
        batches.append(len(tensors[0]))
        return infer(tensors)

    assert report(answers(PURE), source=replace(SOURCE, infer=count)).has_passed
    assert batches == [1] * 6  # three items, with either side's features


def test_padding_is_not_compared_and_real_tokens_are() -> None:
    mask = np.array([[1, 1, 0, 0]])
    source = SourceModel(
        SOURCE.prepare, lambda tensors: np.zeros((len(tensors[0]), 3), np.float32), None, "by hand"
    )
    served = replace(answers(PURE[:1], np.zeros((1, 3))), features=(np.array([[5, 6, 0, 0]]), mask))

    def difference(*ids: int) -> float:
        own = (np.array([ids]), mask)
        found = compare(
            ["0"],
            own,
            source,
            served,
            LABELS,
            is_trained=True,
            tolerances=TOLERANCES["fp32"],
        )
        return found.features.largest

    assert difference(5, 6, 7, 7) == 0
    assert difference(5, 9, 0, 0) == 3


def test_a_source_without_logits_is_compared_by_its_scores_alone() -> None:
    found = report(answers(PURE), source=replace(SOURCE, has_logits=False))

    assert found.model_logits is None
    assert found.model_scores == Difference(0.0, 0.0)


def test_twenty_disagreements_are_enough_to_read() -> None:
    pixels = np.repeat(PURE, 10, axis=0)
    logits = infer(prepared(pixels))[:, [1, 2, 0]]

    found = report(answers(pixels, logits), pixels)

    assert len(found.disagreements) == 20
    assert found.top_1_agreement == 0.0


def test_the_model_step_alone_may_not_lean_on_what_quick_pixels_are_allowed() -> None:
    logits = infer(prepared(PURE)) * 0.9
    pipeline = report(answers(PURE, logits), tolerances=Tolerances(0.5, 1.0))
    alone = report(answers(PURE, logits), tolerances=Tolerances(0.5, 1.0, model_score=1e-3))

    assert pipeline.failures == ()
    assert len(alone.failures) == 1
    assert "of the model step alone differs" in alone.failures[0]


def test_the_report_goes_into_json_whole() -> None:
    found = report(answers(PURE)).to_json()

    assert json.loads(json.dumps(found)) == found | {"failures": [], "disagreements": []}
    assert found["passed"] is True
    assert found["tolerances"] == {"top_1": 1.0, "score": 0.001, "model_score": None}
