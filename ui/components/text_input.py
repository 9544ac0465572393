"""Two ways to give a text: write it, or take a sample; the one classified last is the current."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from ui.components.sample_texts import SampleText, show_sample_texts
from ui.texts import Texts
from ui.written_text import WrittenText

AREA_HEIGHT_PIXELS = 220

# Keys in session_state. The first belongs to the widget and holds what is written there now.
WRITTEN = "written_text"
# What the person asked about last.
CURRENT_TEXT = "current_text"


def choose_text(
    texts: Texts, *, samples: tuple[SampleText, ...], disabled: bool, on_given: Callable[[], None]
) -> WrittenText | None:
    """Draw the inputs and return the current text, if there is one.

    Args:
        texts: The reader's language.
        samples: Sample texts; empty means that none are offered.
        disabled: Whether the inputs are shown but cannot be used now.
        on_given: Called when the person gives a text, also when it is the same one again.
    """
    # The widget forgets its text while a model for pictures is chosen.
    st.session_state.setdefault(WRITTEN, st.session_state.get(CURRENT_TEXT, ""))
    st.text_area(
        texts("predict.your_text"),
        key=WRITTEN,
        height=AREA_HEIGHT_PIXELS,
        placeholder=texts("predict.write_here"),
        disabled=disabled,
    )
    st.button(
        texts("predict.classify"),
        type="primary",
        on_click=partial(_use_written, on_given),
        disabled=disabled,
    )
    if samples:
        choose_sample = partial(_use_sample, on_given)
        show_sample_texts(samples, texts, on_choose=choose_sample, disabled=disabled)
    current = st.session_state.get(CURRENT_TEXT, "")
    return WrittenText(current) if current.strip() else None


def _use_written(on_given: Callable[[], None]) -> None:
    st.session_state[CURRENT_TEXT] = st.session_state[WRITTEN]
    on_given()


def _use_sample(on_given: Callable[[], None], text: str) -> None:
    st.session_state[WRITTEN] = text
    _use_written(on_given)
