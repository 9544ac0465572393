"""The part of the Releases page on what there is: the table, load and unload, one in full."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.calls.background import Errand
from ui.calls.releases import LOADING, Release, list_releases, load_release, unload_release
from ui.components.confirmation import Question, ask
from ui.components.live_look import look, watch
from ui.components.notices import show_notice, show_placeholder
from ui.errors import GatewayTimedOut
from ui.plain_words import Asked, problem_notice
from ui.release_words import to_release_rows
from ui.scene import Scene
from ui.view_models import as_code
from ui.views.releases_card import show_card

# Key in session_state: what this session has ordered and not seen the end of.
ERRANDS = "releases_errands"


def look_at_releases(scene: Scene) -> tuple[Release, ...]:
    """Every release; none where nobody tells."""
    return look(scene, "releases", partial(list_releases, scene.caller)) or ()


def show_releases(scene: Scene) -> None:
    """Draw the table, and what can be done with the release that is chosen."""
    releases = look_at_releases(scene)
    watch(_live_table, scene, _shape(releases))
    if not releases:
        return
    by_name = {it.name: it for it in releases}
    name = st.selectbox(scene.texts("releases.choose"), list(by_name), key="releases_chosen")
    release = by_name.get(name, releases[0])
    _show_orders(scene, release)
    if release.broken is None:
        show_card(scene, release.name)


def _shape(releases: tuple[Release, ...]) -> tuple[object, ...]:
    """What the parts outside the live table are drawn from."""
    ordered = tuple(it.subject for it in _errands() if it.is_under_way)
    told = ((it.name, bool(it.servers), it.is_ready, it.broken, it.routed_by) for it in releases)
    return (ordered, *told)


def _live_table(scene: Scene, drawn: tuple[object, ...]) -> None:
    releases = look_at_releases(scene)
    if _shape(releases) != drawn:
        st.rerun()
    if not releases:
        show_placeholder(scene.texts("releases.none"))
        return
    st.table(
        to_release_rows(releases, scene.texts, scene.clock),
        border="horizontal",
        hide_index=True,
        alt=scene.texts("releases.table"),
    )
    for errand in _errands():
        _show_errand(scene, errand)


def _errands() -> list[Errand]:
    """What is under way or was refused; what is done shows in the table."""
    errands: list[Errand] = st.session_state.get(ERRANDS, [])
    errands = [it for it in errands if it.is_under_way or it.problem is not None]
    st.session_state[ERRANDS] = errands
    return errands


def _show_errand(scene: Scene, errand: Errand) -> None:
    texts = scene.texts
    if errand.is_under_way:
        told = texts("releases.order.under_way", what=errand.what, since=scene.clock(errand.since))
        st.info(told, icon=":material/hourglass_top:")
        return
    if isinstance(errand.problem, GatewayTimedOut):
        st.info(texts("releases.order.no_answer", what=errand.what), icon=":material/help:")
    elif errand.problem is not None:
        st.markdown(f"**{texts('releases.order.refused', what=errand.what)}**")
        show_notice(problem_notice(errand.problem, texts, Asked.ORDER))
    if st.button(texts("releases.order.seen"), key=f"seen {id(errand)}"):
        st.session_state[ERRANDS].remove(errand)
        st.rerun()


def _show_orders(scene: Scene, release: Release) -> None:
    texts = scene.texts
    ordered = {it.subject for it in _errands() if it.is_under_way}
    is_loading = any(it.state == LOADING for it in release.servers)
    may_not = release.name in ordered or release.broken is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            texts("releases.order.load"),
            icon=":material/upload:",
            disabled=may_not or release.is_ready or is_loading,
        ):
            ask(_load_question(scene, release))
        if st.button(
            texts("releases.order.unload"),
            icon=":material/eject:",
            disabled=may_not or not release.servers or bool(release.routed_by),
        ):
            ask(_unload_question(scene, release))
        if release.routed_by:
            aliases = ", ".join(map(as_code, release.routed_by))
            st.caption(texts("releases.order.routed", aliases=aliases))


def _load_question(scene: Scene, release: Release) -> Question:
    texts = scene.texts
    what = texts("releases.order.load_of", release=as_code(release.name))
    return Question(
        title=texts("releases.order.load_title"),
        sentences=(what, texts("releases.order.load_body")),
        button=texts("releases.order.load"),
        act=lambda reason: _send(
            scene, release, what, partial(load_release, scene.caller, release.name, reason)
        ),
    )


def _unload_question(scene: Scene, release: Release) -> Question:
    texts = scene.texts
    what = texts("releases.order.unload_of", release=as_code(release.name))
    return Question(
        title=texts("releases.order.unload_title"),
        sentences=(what, texts("releases.order.unload_body")),
        button=texts("releases.order.unload"),
        act=lambda reason: _send(
            scene, release, what, partial(unload_release, scene.caller, release.name, reason)
        ),
    )


def _send(scene: Scene, release: Release, what: str, call: partial[None]) -> None:
    """Order it and do not wait: it may take minutes, and the table tells how it goes."""
    errand = Errand(what, call, subject=release.name, since=scene.services.now())
    st.session_state[ERRANDS] = [*st.session_state.get(ERRANDS, []), errand]
