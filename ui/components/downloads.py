"""Two buttons that hand out what the page has found."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.outcome import Outcome, to_csv, to_json
from ui.texts import Texts


def show_downloads(outcomes: Sequence[Outcome], texts: Texts) -> None:
    """Offer the outcomes as CSV and as JSON; a click draws nothing anew."""
    with st.container(horizontal=True):
        for kind, mime, data in (
            ("CSV", "text/csv", to_csv(outcomes)),
            ("JSON", "application/json", to_json(outcomes)),
        ):
            st.download_button(
                texts("result.download", kind=kind),
                data,
                file_name=f"predictions.{kind.lower()}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
            )
