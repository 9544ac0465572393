"""The report on the page's speed: what it reads from the page, and what it tells."""

from __future__ import annotations

import pytest

from benchmarks.page_speed import Shown, Visit, read_caption, to_markdown
from ui.calls.predictions import Prediction, ScoredLabel
from ui.texts import load_texts
from ui.view_models import to_caption


def visit(usable_seconds: float, first_ms: float, next_ms: float) -> Visit:
    return Visit(usable_seconds, Shown(first_ms, 10.0, "a"), Shown(next_ms, 10.0, "b"))


def test_the_line_below_an_answer_is_read_as_the_page_writes_it() -> None:
    prediction = Prediction(
        request_id="req-1",
        alias="digits",
        release="digits_r1",
        labels=(ScoredLabel("7", 0.9),),
        gateway_ms=6.13,
        triton_ms=4.9,
    )
    caption = to_caption(prediction, load_texts("en")).replace("`", "")

    assert read_caption(caption, 100.0) == Shown(100.0, 6.1, "req-1")
    with pytest.raises(ValueError, match="not the line"):
        read_caption("All systems ready", 1.0)


def test_medians_stand_beside_their_aims() -> None:
    visits = [visit(1.0, 500.0, 110.0), visit(1.5, 600.0, 120.0), visit(9.0, 90.0, 130.0)]
    text = to_markdown(visits, (0.3, 0.9))

    assert "| navigation to a usable page, s | < 2 | 1.50 | yes | 1.00, 1.50, 9.00 |" in text
    assert "| first click to its chart, added, ms | < 300 | 490 | **no** | 490, 590, 80 |" in text
    assert "| next click to its chart, added, ms | < 300 | 110 | yes | 100, 110, 120 |" in text
    assert "0.30 before, 0.90 after; it was quiet" in text


def test_a_busy_machine_is_told() -> None:
    assert "upper bounds" in to_markdown([visit(1.0, 20.0, 20.0)], (2.4, 2.0))
