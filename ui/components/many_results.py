"""One row for each of many: the best label or why there is none, to sort, filter and take away."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.column_types import ColumnConfig

from ui.calls.routes import IMAGE_TASK
from ui.components.downloads import show_downloads
from ui.outcome import Outcome, as_cell
from ui.plain_words import asked_of, problem_notice
from ui.texts import Texts

ROW_PIXELS = 44
MOST_HEIGHT_PIXELS = 620
ERROR_PIXELS = 240

# Keys in session_state of the filters.
WORDS = "many_filter"
ONLY_FAILURES = "many_only_failures"


def show_many_results(
    outcomes: Sequence[Outcome], task: str, texts: Texts, *, place: DeltaGenerator
) -> None:
    """Draw a filter and downloads of all, and the rows at a place that is wide enough for them."""
    failures = sum(outcome.problem is not None for outcome in outcomes)
    st.markdown(texts("result.many", answered=len(outcomes) - failures, failed=failures))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(texts("result.filter"), key=WORDS)
        only_failures = st.toggle(
            texts("result.only_failures"), key=ONLY_FAILURES, disabled=not failures
        )
    rows = to_rows(outcomes, task, texts)
    shown = filter_rows(rows, words, only_failures=only_failures and failures > 0)
    needless = [
        *(["thumbnail"] if task != IMAGE_TASK else []),
        *(["error"] if not failures else []),
    ]
    show_downloads(outcomes, texts)
    place.dataframe(
        shown.drop(columns=needless),
        hide_index=True,
        row_height=ROW_PIXELS,
        height=min(MOST_HEIGHT_PIXELS, ROW_PIXELS * (len(shown) + 1)),
        column_config=_columns(texts),
        placeholder="",
        alt=texts("result.many_table"),
    )


def to_rows(outcomes: Sequence[Outcome], task: str, texts: Texts) -> pd.DataFrame:
    """Rows in the order in which things were given; a dataframe shows text as it is.

    It has a button of Streamlit's own that writes its cells to a CSV, just as they are.
    """
    return pd.DataFrame([_row(outcome, task, texts) for outcome in outcomes])


def filter_rows(rows: pd.DataFrame, words: str, *, only_failures: bool) -> pd.DataFrame:
    """Keep rows that hold the words somewhere, in any case, and if asked only failures."""
    kept = rows[rows["error"] != ""] if only_failures else rows
    wanted = words.strip().casefold()
    told = kept[["name", "label", "release", "error", "request_id"]].agg(" ".join, axis="columns")
    return kept[[wanted in text.casefold() for text in told]]


def _row(outcome: Outcome, task: str, texts: Texts) -> dict[str, object]:
    found, problem = outcome.prediction, outcome.problem
    return {
        "thumbnail": outcome.thumbnail or None,
        "name": as_cell(outcome.name),
        "label": as_cell(found.labels[0].label) if found else "",
        "confidence": found.labels[0].score if found else None,
        "ms": found.gateway_ms if found else None,
        "error": problem_notice(problem, texts, asked_of(task)).title if problem else "",
        "release": found.release if found else "",
        "request_id": outcome.request_id,
    }


def _columns(texts: Texts) -> dict[str, ColumnConfig]:
    columns = st.column_config
    return {
        "thumbnail": columns.ImageColumn(texts("result.thumbnail"), width="small"),
        "name": columns.TextColumn(texts("result.name")),
        "label": columns.TextColumn(texts("result.label")),
        "confidence": columns.ProgressColumn(
            texts("result.confidence"), format="percent", min_value=0.0, max_value=1.0
        ),
        "ms": columns.NumberColumn(texts("result.ms"), format="%.1f"),
        "error": columns.TextColumn(texts("result.error"), width=ERROR_PIXELS),
        "release": columns.TextColumn(texts("result.release")),
        "request_id": columns.TextColumn(texts("result.request_id"), width="small"),
    }
