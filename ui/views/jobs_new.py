"""Hand in a job: pictures or an archive of them, texts, or a source that the operator allows."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.calls import job_bodies
from ui.calls.gateway_http import Body, Form
from ui.calls.jobs import submit_job
from ui.calls.routes import TEXT_TASK, Route
from ui.components.confirmation import DONE
from ui.components.live_look import forget_looks
from ui.components.notices import show_notice
from ui.components.upload_memory import keep_only
from ui.encoded_image import CONTENT_TYPES, EncodedImage
from ui.errors import GatewayProblem
from ui.plain_words import Asked, problem_notice
from ui.scene import Scene
from ui.views.keys_rows import as_size

logger = logging.getLogger(__name__)

AREA_HEIGHT_PIXELS = 220
MOST_LABELS = 10
_MEGABYTE = 1024 * 1024  # as Streamlit counts it

# Keys in session_state: the job that is looked at, and a name for the form that is filled in: the
# next one gets another, and begins empty.
CHOSEN = "jobs_chosen"
_FORM = "jobs_form"


@dataclass(frozen=True)
class _Given:
    """What a person has put into the form.

    Attributes:
        body: As it is sent; None while it is nothing that can be.
        wrong: The sentence that says why.
        marks: What makes it the same again.
    """

    body: Body | Form | None
    wrong: str = ""
    marks: Sequence[str] = ()


def show_new_job(scene: Scene, sources: tuple[str, ...]) -> None:
    """Draw the form, and hand in what is in it when somebody says so."""
    texts, routes = scene.texts, scene.status.routes
    held: list[UploadedFile] = []
    with st.expander(texts("jobs.new"), icon=":material/add:"):
        if routes:
            held = _show_form(scene, {route.alias: route for route in routes}, sources)
        else:
            st.markdown(texts("model.none"))
    keep_only(held)


def _show_form(
    scene: Scene, by_alias: dict[str, Route], sources: tuple[str, ...]
) -> list[UploadedFile]:
    texts, mark = scene.texts, st.session_state.setdefault(_FORM, uuid.uuid4().hex)
    left, right = st.columns(2)
    alias = left.selectbox(texts("model.label"), list(by_alias), key=f"jobs_alias {mark}")
    route = by_alias[alias]
    top_k = right.number_input(
        texts("jobs.labels"),
        1,
        max(1, route.most_labels or MOST_LABELS),
        value=None,
        placeholder=texts("jobs.usual_labels"),
        # A model with other labels has another field.
        key=f"jobs_top_k {alias} {mark}",
    )
    held: list[UploadedFile] = []
    if sources and _wants_source(scene, mark):
        given = _ask_source(scene, sources, mark)
    elif route.task == TEXT_TASK:
        given = _ask_texts(scene, mark)
    else:
        held = _ask_files(scene, mark)
        given = _of_files(scene, held)
    if st.button(texts("jobs.submit"), type="primary", icon=":material/send:", key="jobs_submit"):
        _submit(scene, given, alias, top_k)
    return held


def _wants_source(scene: Scene, mark: str) -> bool:
    texts = scene.texts
    names = {False: texts("jobs.from_here"), True: texts("jobs.from_there")}
    return st.radio(
        texts("jobs.where"),
        list(names),
        format_func=names.__getitem__,
        horizontal=True,
        key=f"jobs_where {mark}",
    )


def _ask_source(scene: Scene, sources: tuple[str, ...], mark: str) -> _Given:
    texts = scene.texts
    left, right = st.columns(2)
    source = left.selectbox(texts("jobs.source"), sources, key=f"jobs_source {mark}")
    prefix = right.text_input(
        texts("jobs.prefix"), help=texts("jobs.prefix_help"), key=f"jobs_prefix {mark}"
    )
    return _Given(job_bodies.of_source(source, prefix.strip()), marks=("source", source, prefix))


def _ask_texts(scene: Scene, mark: str) -> _Given:
    written = st.text_area(
        scene.texts("jobs.texts"),
        height=AREA_HEIGHT_PIXELS,
        placeholder=scene.texts("jobs.texts_here"),
        key=f"jobs_texts {mark}",
    )
    lines = [line for line in written.splitlines() if line.strip()]
    if not lines:
        return _Given(None, scene.texts("jobs.no_texts"))
    return _Given(job_bodies.of_texts(lines), marks=("texts", *lines))


def _ask_files(scene: Scene, mark: str) -> list[UploadedFile]:
    texts, most = scene.texts, scene.settings.max_job_megabytes
    suffixes = [*CONTENT_TYPES, *job_bodies.ARCHIVE_TYPES]
    held = st.file_uploader(
        texts("jobs.files", megabytes=most),
        type=[suffix.removeprefix(".") for suffix in suffixes],
        accept_multiple_files=True,
        key=f"jobs_files {mark}",
        max_upload_size=most,
    )
    if held:
        size = as_size(sum(file.size for file in held))
        st.caption(texts("jobs.here", number=f"{len(held):,}", size=size))
    return held


def _of_files(scene: Scene, held: list[UploadedFile]) -> _Given:
    texts, most = scene.texts, scene.settings.max_job_megabytes
    archives = [file for file in held if job_bodies.is_archive(file.name)]
    if not held:
        return _Given(None, texts("jobs.no_files"))
    if archives and len(held) > 1:
        return _Given(None, texts("jobs.one_archive"))
    if sum(file.size for file in held) > most * _MEGABYTE:
        return _Given(None, texts("jobs.too_much", megabytes=most))
    marks = ("files", *(file.file_id for file in held))
    # getvalue() hands out the bytes that Streamlit holds, not a copy of them.
    if archives:
        return _Given(job_bodies.of_archive(held[0].name, held[0].getvalue()), marks=marks)
    pictures = [EncodedImage(file.name, file.getvalue()) for file in held]
    return _Given(job_bodies.of_pictures(pictures), marks=marks)


def _submit(scene: Scene, given: _Given, alias: str, top_k: int | None) -> None:
    if given.body is None:
        st.error(given.wrong, icon=":material/error:")
        return
    try:
        with st.spinner(scene.texts("jobs.sending")):
            job = submit_job(
                scene.caller,
                given.body,
                alias=alias,
                top_k=top_k,
                idempotency_key=_key_of(given, alias, top_k),
            )
    except GatewayProblem as problem:
        logger.warning("no job: %s: %s", type(problem).__name__, problem)
        show_notice(problem_notice(problem, scene.texts, Asked.JOB))
        return
    forget_looks()
    del st.session_state[_FORM]
    st.session_state[CHOSEN] = job.id
    st.session_state[DONE] = scene.texts("jobs.submitted")
    st.rerun()


def _key_of(given: _Given, alias: str, top_k: int | None) -> str:
    """The same for the same form with the same in it: a second click makes no second job."""
    marks = [st.session_state[_FORM], alias, str(top_k), *given.marks]
    return hashlib.sha256(repr(marks).encode()).hexdigest()
