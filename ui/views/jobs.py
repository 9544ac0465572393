"""Jobs: what is answered when there is room for it; hand one in, watch it, take its answers."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from ui import api_snippets
from ui.calls.jobs import JobBoard, list_jobs
from ui.calls.routes import TEXT_TASK
from ui.components.confirmation import show_confirmation
from ui.components.health_banner import show_health_banner
from ui.components.live_look import look, watch
from ui.job_words import title_of, to_job_rows
from ui.scene import Scene
from ui.session import is_signed_in
from ui.texts import Texts
from ui.views.jobs_chosen import fitting_height, show_job
from ui.views.jobs_new import CHOSEN, show_new_job

SHOWN = 100

# Key in session_state: of what a job can be made besides what comes along, as last told.
_SOURCES = "jobs_sources"


def show_jobs_page(scene: Scene) -> None:
    """Draw the whole page."""
    texts = scene.texts
    st.title(texts("page.jobs"))
    st.markdown(texts("jobs.invitation"))
    if not is_signed_in():
        st.caption(texts("jobs.shared"))
    show_health_banner(scene)
    sources: tuple[str, ...] = st.session_state.get(_SOURCES, ())
    show_new_job(scene, sources)
    watch(_live_jobs, scene, sources)
    show_confirmation(scene)


def _live_jobs(scene: Scene, drawn_sources: tuple[str, ...]) -> None:
    """Draw what is so now; runs again by itself, also after trouble."""
    board: JobBoard | None = look(scene, "jobs", partial(list_jobs, scene.caller, SHOWN))
    if board is None:
        return
    if board.sources != drawn_sources:
        st.session_state[_SOURCES] = board.sources
        st.rerun()
    if not board.jobs:
        _show_how_to_begin(scene)
        return
    texts, rows = scene.texts, to_job_rows(board.jobs, scene.texts, scene.clock)
    st.dataframe(
        rows,
        hide_index=True,
        height=fitting_height(rows),
        column_config=_columns(texts),
        placeholder="",
        alt=texts("jobs.table"),
    )
    by_id = {job.id: job for job in board.jobs}
    if st.session_state.get(CHOSEN) not in by_id:
        st.session_state[CHOSEN] = board.jobs[0].id
    titles = {job.id: title_of(job, scene.clock) for job in board.jobs}
    chosen = st.selectbox(
        texts("jobs.choose"), list(titles), format_func=lambda it: titles.get(it, it), key=CHOSEN
    )
    show_job(scene, by_id[chosen])


def _show_how_to_begin(scene: Scene) -> None:
    texts, route = scene.texts, next(iter(scene.status.routes), None)
    st.markdown(texts("jobs.none"))
    alias = "digits" if route is None else route.alias
    takes_texts = route is not None and route.task == TEXT_TASK
    command = api_snippets.to_job_curl(alias, scene.settings.gateway_url, takes_texts=takes_texts)
    st.code(command, language="bash", wrap_lines=True)


def _columns(texts: Texts) -> dict[str, ColumnConfig]:
    columns = st.column_config
    return {
        "alias": columns.TextColumn(texts("jobs.column.alias")),
        "state": columns.TextColumn(texts("jobs.column.state")),
        "progress": columns.ProgressColumn(
            texts("jobs.column.progress"), format="percent", min_value=0.0, max_value=1.0
        ),
        "items": columns.NumberColumn(texts("jobs.column.items"), format="localized"),
        "refused": columns.NumberColumn(texts("jobs.column.refused"), format="localized"),
        "rate": columns.TextColumn(texts("jobs.column.rate")),
        "left": columns.TextColumn(texts("jobs.column.left")),
        "since": columns.TextColumn(texts("jobs.column.since")),
        "id": columns.TextColumn(texts("jobs.column.id")),
    }
