"""One job: how far it is, what it refused, what it has answered, its end before its time."""

from __future__ import annotations

import logging
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from ui.calls.job_answers import (
    CSV,
    JSON_LINES,
    MOST_ROWS,
    Glance,
    download_answers,
    glance_at_answers,
)
from ui.calls.jobs import Job, cancel_job
from ui.components.confirmation import Question, ask
from ui.components.notices import show_notice
from ui.errors import GatewayProblem
from ui.job_words import (
    facts_in_words,
    progress_in_words,
    standing_in_words,
    to_answer_rows,
    to_error_rows,
)
from ui.plain_words import Asked, problem_notice
from ui.scene import Scene
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown

logger = logging.getLogger(__name__)

MESSAGE_PIXELS = 480
ROW_PIXELS = 35
MOST_HEIGHT_PIXELS = 320
# What is downloaded, by the gateway's name for it: on the button, and its media type.
_FORMS = {CSV: ("CSV", "text/csv"), JSON_LINES: ("JSON Lines", "application/x-ndjson")}

# Key in session_state: what was read of the answers, and how the job stood then.
_GLANCE = "jobs_glance"


def fitting_height(rows: pd.DataFrame) -> int:
    """As high as a table needs, within reason: a longer one scrolls by itself."""
    return min(MOST_HEIGHT_PIXELS, ROW_PIXELS * (len(rows) + 1) + 2)


def show_job(scene: Scene, job: Job) -> None:
    """Draw one job; runs again every other second."""
    texts = scene.texts
    with st.container(border=True):
        st.markdown(standing_in_words(job, texts, scene.clock))
        st.progress(job.share, text=progress_in_words(job, texts))
        st.caption(facts_in_words(job, texts))
        if job.sentence:
            st.caption(texts("refusal.gateway_says", message=escape_markdown(job.sentence)))
        with st.container(horizontal=True):
            if job.done:
                _show_downloads(scene, job)
            if job.is_live and st.button(
                texts("jobs.cancel"), icon=":material/cancel:", key=f"jobs_cancel {job.id}"
            ):
                ask(_cancel_question(scene, job))
        if job.done:
            _show_answers(scene, job)


def _show_downloads(scene: Scene, job: Job) -> None:
    for form, (kind, mime) in _FORMS.items():
        st.download_button(
            scene.texts("result.download", kind=kind),
            # Asked for when somebody clicks: all of it may be much.
            partial(download_answers, scene.caller, job.id, form),
            file_name=f"{job.alias}-{job.id}.{form}",
            mime=mime,
            icon=":material/download:",
            on_click="ignore",
            key=f"jobs_{form} {job.id}",
        )


def _cancel_question(scene: Scene, job: Job) -> Question:
    texts = scene.texts
    return Question(
        title=texts("jobs.cancel_title"),
        sentences=(
            texts("jobs.cancel_of", alias=as_code(job.alias), id=as_code(job.id)),
            texts("jobs.cancel_body"),
        ),
        button=texts("jobs.cancel"),
        act=lambda _reason: _cancel(scene, job.id),
        done=texts("jobs.cancelled"),
        refrain=texts("jobs.go_on"),
        asks_why=False,
    )


def _cancel(scene: Scene, job_id: str) -> None:
    cancel_job(scene.caller, job_id)


def _show_answers(scene: Scene, job: Job) -> None:
    glance, texts = _glance(scene, job), scene.texts
    if glance.errors:
        # The answers may be newer than the counts.
        shown = len(glance.errors)
        st.markdown(
            texts("jobs.errors", shown=f"{shown:,}", refused=f"{max(shown, job.refused):,}")
        )
        _show_table(to_error_rows(glance.errors), texts, alt=texts("jobs.errors_table"))
    if glance.first:
        shown = len(glance.first)
        st.markdown(texts("jobs.first", shown=f"{shown:,}", done=f"{max(shown, job.done):,}"))
        _show_table(to_answer_rows(glance.first), texts, alt=texts("jobs.first_table"))


def _show_table(rows: pd.DataFrame, texts: Texts, *, alt: str) -> None:
    # Texts have no names, and where all went well there are no codes.
    empty = [name for name in ("name", "code") if name in rows and not any(rows[name])]
    st.dataframe(
        rows.drop(columns=empty),
        hide_index=True,
        height=fitting_height(rows),
        column_config=_columns(texts),
        placeholder="",
        alt=alt,
    )


def _glance(scene: Scene, job: Job) -> Glance:
    """Read the beginning of the answers where it may have changed, and keep it otherwise."""
    mark = (job.id, job.state, min(job.done, MOST_ROWS), job.refused)
    kept: tuple[tuple[object, ...], Glance] = st.session_state.get(_GLANCE, ((), Glance()))
    if kept[0] == mark:
        return kept[1]
    try:
        glance = glance_at_answers(scene.caller, job.id)
    except GatewayProblem as problem:
        logger.warning("no answers: %s: %s", type(problem).__name__, problem)
        show_notice(problem_notice(problem, scene.texts, Asked.ORDER))
        return kept[1] if kept[0][:1] == (job.id,) else Glance()
    st.session_state[_GLANCE] = (mark, glance)
    return glance


def _columns(texts: Texts) -> dict[str, ColumnConfig]:
    columns = st.column_config
    return {
        "index": columns.NumberColumn(texts("jobs.column.index"), width="small"),
        "name": columns.TextColumn(texts("result.name")),
        "label": columns.TextColumn(texts("result.label")),
        "score": columns.ProgressColumn(
            texts("result.confidence"), format="percent", min_value=0.0, max_value=1.0
        ),
        "release": columns.TextColumn(texts("result.release")),
        "code": columns.TextColumn(texts("jobs.column.code")),
        "message": columns.TextColumn(texts("jobs.column.message"), width=MESSAGE_PIXELS),
    }
