"""What releases made of the same input: side by side, then as bars and as a table."""

from __future__ import annotations

import streamlit as st

from ui import view_models
from ui.calls.comparisons import Side
from ui.calls.predictions import Prediction
from ui.components.notices import show_notice
from ui.components.preview_picture import draw_preview, draw_preview_problem
from ui.errors import GatewayProblem
from ui.plain_words import asked_of, problem_notice
from ui.texts import Texts
from ui.views.compare_rows import labels_of, to_bar_rows, to_score_rows

BAR_STEP_PIXELS = 16


def show_sides(sides: tuple[Side, ...], task: str, texts: Texts) -> None:
    """Draw all answers; a release without one says why in its own column."""
    answers = [side.answer for side in sides if isinstance(side.answer, Prediction)]
    if len(answers) > 1:
        _show_verdict(answers, texts)
    for column, side in zip(st.columns(len(sides)), sides, strict=True):
        with column:
            _show_side(side, task, texts)
    if answers:
        _show_bars(answers, texts)
        st.table(
            to_score_rows(answers, texts),
            border="horizontal",
            hide_index=True,
            alt=texts("compare.table"),
        )
        st.caption(texts("compare.only_best"))


def _show_verdict(answers: list[Prediction], texts: Texts) -> None:
    firsts = {answer.labels[0].label for answer in answers}
    if len(firsts) == 1:
        label = view_models.escape_markdown(firsts.pop())
        st.success(texts("compare.agreed", label=label), icon=":material/check_circle:")
    else:
        st.warning(texts("compare.differed"), icon=":material/call_split:")


def _show_side(side: Side, task: str, texts: Texts) -> None:
    st.markdown(f"**{view_models.as_code(side.release)}**")
    if isinstance(side.answer, GatewayProblem):
        show_notice(problem_notice(side.answer, texts, asked_of(task)))
        return
    headline = view_models.to_headline(side.answer)
    # No metrics: they cut a long label off where columns are narrow.
    st.subheader(headline.label, anchor=False)
    st.markdown(f"{texts('result.confidence')} **{headline.confidence}**")
    st.caption(
        texts(
            "compare.took",
            gateway_ms=side.answer.gateway_ms,
            triton_ms=side.answer.triton_ms,
            request_id=view_models.as_code(side.answer.request_id),
        )
    )
    if side.answer.is_truncated:
        st.caption(f":material/content_cut: {texts('result.truncated')}")
    if isinstance(side.seen, GatewayProblem):
        draw_preview_problem(problem_notice(side.seen, texts), texts)
    elif side.seen is not None:
        draw_preview(side.seen, texts)


def _show_bars(answers: list[Prediction], texts: Texts) -> None:
    # Named one by one, so that labels and releases keep the order that they came in.
    releases = [answer.release for answer in answers]
    st.vega_lite_chart(
        to_bar_rows(answers),
        {
            "height": {"step": BAR_STEP_PIXELS},
            "mark": {"type": "bar"},
            "encoding": {
                "y": {
                    "field": "label",
                    "type": "nominal",
                    "sort": labels_of(answers),
                    "title": None,
                },
                "yOffset": {"field": "release", "type": "nominal", "sort": releases},
                "x": {
                    "field": "percent",
                    "type": "quantitative",
                    "title": texts("compare.percent"),
                    "scale": {"domain": [0, 100]},
                },
                "color": {
                    "field": "release",
                    "type": "nominal",
                    "sort": releases,
                    "legend": {"orient": "top", "title": None},
                },
                "tooltip": [
                    {"field": "release", "title": texts("compare.release")},
                    {"field": "label", "title": texts("result.label")},
                    {"field": "text", "title": texts("result.score")},
                ],
            },
        },
        alt=texts("compare.chart"),
    )
