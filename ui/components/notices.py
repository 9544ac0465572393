"""How a notice looks, and a placeholder where something will be."""

from __future__ import annotations

import streamlit as st

from ui.plain_words import Notice


def show_placeholder(sentence: str) -> None:
    """Say, where something will be, why it is not there yet."""
    with st.container(height="stretch", horizontal_alignment="center", vertical_alignment="center"):
        st.caption(sentence, width="content")


def show_notice(notice: Notice) -> None:
    """Draw what went wrong in plain words."""
    st.error(notice.body, title=notice.title, icon=":material/error:")
