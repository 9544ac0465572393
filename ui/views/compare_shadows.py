"""A shadow beside whoever answers: how far they agree, and on what they do not."""

from __future__ import annotations

import streamlit as st

from ui.calls.shadows import Shadowed, ShadowReport, ask_report, list_shadowed
from ui.components.notices import show_notice
from ui.errors import GatewayProblem
from ui.plain_words import Asked, problem_notice
from ui.scene import Scene
from ui.view_models import as_code, escape_markdown
from ui.views.compare_gallery import Exhibition, current_exhibition, exhibit, show_gallery
from ui.views.compare_report import show_report

# Counts are written down once a second; a person reads them more slowly.
INTERVAL_SECONDS = 5.0

# Key in session_state.
ALIAS = "compare_shadowed_alias"


def show_shadows(scene: Scene) -> None:
    """Draw this half of the page: numbers that follow by themselves, a gallery that keeps still."""
    st.fragment(_numbers, run_every=INTERVAL_SECONDS)(scene)
    exhibition = current_exhibition()
    if exhibition is not None:
        show_gallery(scene, exhibition)


def _numbers(scene: Scene) -> None:
    try:
        shadowed = list_shadowed(scene.caller)
        chosen = _choose(scene, shadowed)
        report = ask_report(scene.caller, chosen.alias) if chosen is not None else None
    except GatewayProblem as problem:
        show_notice(problem_notice(problem, scene.texts, Asked.ORDER))
        return
    if chosen is None or report is None:
        st.info(
            scene.texts("compare.no_shadow_body"),
            title=scene.texts("compare.no_shadow"),
            icon=":material/content_copy:",
        )
        _hang(None)
        return
    _show_who(scene, chosen, report)
    show_report(report, scene.texts)
    _follow(scene, chosen, report)


def _choose(scene: Scene, shadowed: tuple[Shadowed, ...]) -> Shadowed | None:
    by_alias = {it.alias: it for it in shadowed}
    if len(by_alias) < 2:
        return shadowed[0] if shadowed else None
    if st.session_state.get(ALIAS) not in by_alias:
        st.session_state[ALIAS] = shadowed[0].alias
    return by_alias[st.selectbox(scene.texts("compare.alias"), list(by_alias), key=ALIAS)]


def _show_who(scene: Scene, chosen: Shadowed, report: ShadowReport) -> None:
    st.markdown(
        scene.texts(
            "compare.copies",
            release=as_code(report.release),
            percent=chosen.percent,
            alias=escape_markdown(chosen.alias),
        )
    )


def _follow(scene: Scene, chosen: Shadowed, report: ShadowReport) -> None:
    """Hang the first gallery at once; a newer one when the person wants it."""
    newest = Exhibition(chosen.alias, chosen.task, report.release, report.disagreements)
    hanging = current_exhibition()
    if hanging is None or not hanging.is_about(newest):
        _hang(newest)
        return
    count = newest.newer_than(hanging)
    if count and st.button(
        scene.texts("compare.show_newer", count=count), icon=":material/refresh:"
    ):
        _hang(newest)


def _hang(exhibition: Exhibition | None) -> None:
    """Change the gallery; it is outside of the fragment, so the whole page is drawn."""
    if current_exhibition() != exhibition:
        exhibit(exhibition)
        st.rerun()
