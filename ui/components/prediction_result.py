"""The answer: what was given, the best label, bars, a table, and who answered how fast."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import view_models
from ui.calls.predictions import Prediction
from ui.encoded_image import EncodedImage
from ui.texts import Texts
from ui.written_text import WrittenText

BAR_STEP_PIXELS = 30


def show_prediction(
    given: EncodedImage | WrittenText, prediction: Prediction, texts: Texts
) -> DeltaGenerator:
    """Draw a whole answer.

    Returns:
        The place below what was given, for what is known of it later.
    """
    headline = view_models.to_headline(prediction)
    given_column, headline_column = st.columns([2, 3], vertical_alignment="center")
    with given_column:
        _show_given(given, texts)
        below = st.container()
    with headline_column:
        st.metric(texts("result.prediction"), headline.label)
        st.metric(texts("result.confidence"), headline.confidence)
    if prediction.is_truncated:
        st.caption(f":material/content_cut: {texts('result.truncated')}")
    _show_bars(prediction, texts)
    st.table(
        view_models.to_table_rows(prediction, texts),
        border="horizontal",
        hide_index=True,
        alt=texts("result.table"),
    )
    st.caption(view_models.to_caption(prediction, texts))
    origin = view_models.to_origin_caption(prediction.origin, texts)
    if origin:
        st.caption(origin)
    return below


def fetch_chart_code() -> None:
    """Draw an empty chart of one pixel, while there is no answer yet.

    The browser then fetches the code that draws charts while a person still looks for a picture,
    and not after their first click, where it costs half of the way to the answer.
    """
    st.vega_lite_chart(
        {"values": []}, {"mark": "bar", "width": 1, "height": 1, "padding": 0}, width="content"
    )


def _show_given(given: EncodedImage | WrittenText, texts: Texts) -> None:
    if isinstance(given, WrittenText):
        st.markdown(view_models.to_excerpt(given.text))
    else:
        st.image(
            given.data_url, width="stretch", alt=texts("predict.your_picture", name=given.name)
        )


def _show_bars(prediction: Prediction, texts: Texts) -> None:
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
                    {"field": "label", "title": texts("result.label")},
                    {"field": "text", "title": texts("result.score")},
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
        alt=texts("result.chart", label=order[0]),
    )
