from __future__ import annotations

from dataclasses import replace

from tests.unit.triptych.pixel_network import PURE, SOURCE, answers, infer, prepared, report
from tests.unit.triptych.small_release import DRAFT, ENGINE_VERDICTS
from triptych.export.parity import TOLERANCES, Difference
from triptych.export.parity_markdown import to_markdown


def test_a_page_of_a_release_that_passed_shows_each_figure_beside_what_was_asked_for() -> None:
    page = to_markdown(DRAFT, report(answers(PURE)), {}, is_forced=False)

    assert page == (
        "# Parity of digits_r1 with its source: passed\n"
        "\n"
        "Source: framework torch, seed 7.\n"
        "Precision: fp32. Preprocessing on the source's side: by hand.\n"
        "\n"
        "| what | value | asked for |\n"
        "| --- | --- | --- |\n"
        "| golden inputs | 3 |  |\n"
        "| classes met | 3 of 3 | 3 |\n"
        "| top-1 agreement | 100.00% | 100.00% |\n"
        "| top-5 overlap | 100.00% |  |\n"
        "| score difference | 0 largest, 0 mean | 0.001 |\n"
        "| preprocess step: pixels (0 to 255) or token ids | 1.3e-05 largest, 3.2e-06 mean |  |\n"
        "| model step alone: scores | 0 largest, 0 mean |  |\n"
        "| model step alone: logits | 0 largest, 0 mean |  |\n"
    ).replace("1.3e-05 largest, 3.2e-06 mean", features(report(answers(PURE)).features))


def features(difference: Difference) -> str:
    """Rounding of float32, which another processor may do otherwise."""
    return f"{difference.largest:.2g} largest, {difference.mean:.2g} mean"


def test_a_page_of_a_release_that_failed_says_why_and_shows_what_disagreed() -> None:
    logits = infer(prepared(PURE))
    logits[2] = [9.5, 0, 1]
    labels = ("red", "green", "blue | navy")

    page = to_markdown(DRAFT, report(answers(PURE, logits), labels=labels), {}, is_forced=False)

    assert page.startswith("# Parity of digits_r1 with its source: NOT passed\n")
    assert "\n- top-1 agreement is 66.67%, 100.00% is needed\n- a score differs by " in page
    assert page.endswith(
        "\n| golden input | source | served |\n| --- | --- | --- |\n| 2 | blue \\| navy | red |\n"
    )


def test_an_answer_that_was_refused_is_no_empty_cell() -> None:
    served = answers(PURE)
    served.labels[0] = ""

    page = to_markdown(DRAFT, report(served), {}, is_forced=False)

    assert "| 0 | red | (refused) |" in page


def test_a_forced_release_says_so_in_its_title() -> None:
    page = to_markdown(DRAFT, report(answers(PURE), is_trained=False), {}, is_forced=True)

    assert page.startswith(
        "# Parity of digits_r1 with its source: NOT passed, made promotable by --force\n"
    )
    assert "\n- agreement not meaningful: the weights are random\n" in page


def test_what_is_not_asked_for_or_not_known_is_left_out() -> None:
    found = report(
        answers(PURE), source=replace(SOURCE, has_logits=False), tolerances=TOLERANCES["int8"]
    )

    page = to_markdown(DRAFT, found, {}, is_forced=False)

    assert "| score difference | 0 largest, 0 mean |  |" in page
    assert "| top-1 agreement | 100.00% | 98.00% |" in page
    assert "logits" not in page


def test_a_page_tells_of_every_engine_that_was_tried() -> None:
    page = to_markdown(DRAFT, report(answers(PURE)), ENGINE_VERDICTS, is_forced=False)

    assert page.endswith(
        "| engine | may be switched to |\n| --- | --- |\n"
        "| onnxruntime | yes |\n| openvino | yes |\n| openvino-bf16 | no: it is no good |\n"
    )
