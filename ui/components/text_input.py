"""Two ways to give texts: write them, or take a sample; what was classified last is the current."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from ui.components.sample_texts import SampleText, show_sample_texts
from ui.session import visitors_own
from ui.texts import Texts
from ui.written_text import WrittenText

AREA_HEIGHT_PIXELS = 220

# Keys in session_state. The first two belong to widgets: what is written there now, and whether
# each of its lines is a text by itself.
WRITTEN = "written_text"
PER_LINE = "one_text_per_line"
# What the person asked about last, one or several.
CURRENT_TEXTS = "current_texts"


def choose_texts(
    texts: Texts, *, samples: tuple[SampleText, ...], disabled: bool, on_given: Callable[[], None]
) -> tuple[WrittenText, ...]:
    """Draw the inputs and return the current texts, none, one, or one of each line.

    Args:
        texts: The reader's language.
        samples: Sample texts; empty means that none are offered.
        disabled: Whether the inputs are shown but cannot be used now.
        on_given: Called when the person gives a text, also when it is the same one again.
    """
    current: tuple[str, ...] = st.session_state.get(CURRENT_TEXTS, ())
    # The widgets forget what they hold while a model for pictures is chosen.
    st.session_state.setdefault(visitors_own(WRITTEN), "\n".join(current))
    st.session_state.setdefault(PER_LINE, len(current) > 1)
    st.text_area(
        texts("predict.your_text"),
        key=visitors_own(WRITTEN),
        height=AREA_HEIGHT_PIXELS,
        placeholder=texts("predict.write_here"),
        disabled=disabled,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            texts("predict.classify"),
            type="primary",
            on_click=partial(_use_written, on_given),
            disabled=disabled,
        )
        st.toggle(texts("predict.per_line"), key=PER_LINE, disabled=disabled)
    if samples:
        choose_sample = partial(_use_sample, on_given)
        show_sample_texts(samples, texts, on_choose=choose_sample, disabled=disabled)
    return tuple(WrittenText(text) for text in st.session_state.get(CURRENT_TEXTS, ()))


def _use_written(on_given: Callable[[], None]) -> None:
    written: str = st.session_state[visitors_own(WRITTEN)]
    given = written.splitlines() if st.session_state[PER_LINE] else [written]
    st.session_state[CURRENT_TEXTS] = tuple(text for text in given if text.strip())
    on_given()


def _use_sample(on_given: Callable[[], None], text: str) -> None:
    st.session_state[visitors_own(WRITTEN)] = text
    st.session_state[PER_LINE] = False
    _use_written(on_given)
