"""The answer: what was given, the best label, bars, a table, and who answered how fast."""

from __future__ import annotations

import streamlit as st

from ui import view_models
from ui.encoded_image import EncodedImage
from ui.gateway_answers import Prediction
from ui.plain_words import Notice
from ui.written_text import WrittenText

BAR_STEP_PIXELS = 30


def show_prediction(given: EncodedImage | WrittenText, prediction: Prediction) -> None:
    """Draw a whole answer."""
    headline = view_models.to_headline(prediction)
    given_column, headline_column = st.columns([2, 3], vertical_alignment="center")
    with given_column:
        _show_given(given)
    with headline_column:
        st.metric("Prediction", headline.label)
        st.metric("Confidence", headline.confidence)
    note = view_models.to_truncation_note(prediction)
    if note is not None:
        st.caption(f":material/content_cut: {note}")
    _show_bars(prediction)
    st.table(
        view_models.to_table_rows(prediction),
        border="horizontal",
        hide_index=True,
        alt="Labels and scores, best first",
    )
    st.caption(view_models.to_caption(prediction))


def show_placeholder(sentence: str) -> None:
    """Say, where the answer will be, why there is none yet."""
    with st.container(height="stretch", horizontal_alignment="center", vertical_alignment="center"):
        st.caption(sentence, width="content")


def show_notice(notice: Notice) -> None:
    """Draw what went wrong in plain words."""
    st.error(notice.body, title=notice.title, icon=":material/error:")


def _show_given(given: EncodedImage | WrittenText) -> None:
    if isinstance(given, WrittenText):
        st.markdown(view_models.to_excerpt(given.text))
    else:
        st.image(given.data_url, width="stretch", alt=f"Your picture, {given.name}")


def _show_bars(prediction: Prediction) -> None:
    # Named one by one: sorted by a field, the bars of a new answer keep the places of the last one.
    order = [item.label for item in prediction.labels]
    st.vega_lite_chart(
        view_models.to_chart_rows(prediction),
        {
            "height": {"step": BAR_STEP_PIXELS},
            "encoding": {
                "y": {"field": "label", "type": "nominal", "sort": order, "title": None},
                "x": {
                    "field": "percent",
                    "type": "quantitative",
                    # Each bar carries its number; the domain leaves room for it behind a full one.
                    "axis": None,
                    "scale": {"domain": [0, 120]},
                },
                "tooltip": [
                    {"field": "label", "title": "Label"},
                    {"field": "text", "title": "Score"},
                ],
            },
            "layer": [
                {"mark": {"type": "bar"}},
                {
                    # The page's own text colour, light or dark; Vega's default is black.
                    "mark": {"type": "text", "align": "left", "dx": 6, "color": "currentColor"},
                    "encoding": {"text": {"field": "text"}},
                },
            ],
        },
        alt=f"Scores of the most probable labels, highest for {order[0]}",
    )
