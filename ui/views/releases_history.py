"""The part of the Releases page on history: who did what when and why."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.calls.audit import list_audit
from ui.calls.route_changes import list_changes
from ui.components.live_look import look
from ui.components.notices import show_placeholder
from ui.deed_words import to_audit_rows, to_change_rows
from ui.scene import Scene
from ui.view_models import as_code
from ui.views.releases_table import look_at_releases

_PAGE = 20
_EVERYTHING = ""

# Keys in session_state: where each page of what is shown begins, the first at None.
PAGES = "releases_history_pages"


def show_history(scene: Scene) -> None:
    """Draw one page of the audit, of everything or of one thing, or what an alias has meant."""
    texts = scene.texts
    releases = look_at_releases(scene)
    aliases = sorted({alias for it in releases for alias in it.routed_by})
    kinds = {
        "deeds": texts("releases.history.deeds"),
        **{f"route {alias}": texts("releases.history.route_of", alias=alias) for alias in aliases},
    }
    left, right = st.columns(2)
    with left:
        kind = st.selectbox(
            texts("releases.history.show"),
            list(kinds),
            format_func=lambda it: kinds.get(it, it),
            key="releases_history_kind",
            on_change=_first_page,
        )
    if kind.startswith("route "):
        _show_changes(scene, kind.removeprefix("route "))
        return
    with right:
        subject = st.selectbox(
            texts("releases.history.subject"),
            [_EVERYTHING, *aliases, *(it.name for it in releases)],
            format_func=lambda it: it or texts("releases.history.everything"),
            key="releases_history_subject",
            on_change=_first_page,
        )
    _show_deeds(scene, subject or None)


def _pages() -> list[int | None]:
    pages: list[int | None] = st.session_state.setdefault(PAGES, [None])
    return pages


def _first_page() -> None:
    st.session_state[PAGES] = [None]


def _show_deeds(scene: Scene, subject: str | None) -> None:
    before = _pages()[-1]
    asked = partial(list_audit, scene.caller, limit=_PAGE, subject=subject, before=before)
    entries = look(scene, f"audit {subject} {before}", asked)
    if entries is None:
        return
    if entries:
        rows = to_audit_rows(entries, scene.texts, scene.clock)
        st.table(
            rows, border="horizontal", hide_index=True, alt=scene.texts("releases.history.deeds")
        )
    else:
        show_placeholder(scene.texts("releases.history.nothing"))
    _show_turning(scene, entries[-1].id if len(entries) == _PAGE else None)


def _show_changes(scene: Scene, alias: str) -> None:
    before = _pages()[-1]
    asked = partial(list_changes, scene.caller, alias, limit=_PAGE, before=before)
    changes = look(scene, f"history {alias} {before}", asked)
    if changes is None:
        return
    if changes:
        title = scene.texts("releases.history.route_of", alias=alias)
        rows = to_change_rows(changes, scene.texts, scene.clock)
        st.table(rows, border="horizontal", hide_index=True, alt=title)
    else:
        show_placeholder(scene.texts("releases.history.never_set", alias=as_code(alias)))
    _show_turning(scene, changes[-1].meaning.revision if len(changes) == _PAGE else None)


def _show_turning(scene: Scene, older: int | None) -> None:
    """Buttons to newer and older pages; `older` is where the next one begins, if there is one."""
    pages = _pages()
    with st.container(horizontal=True):
        if st.button(
            scene.texts("releases.history.newer"),
            icon=":material/chevron_left:",
            disabled=len(pages) == 1,
        ):
            pages.pop()
            st.rerun()
        if st.button(
            scene.texts("releases.history.older"),
            icon=":material/chevron_right:",
            disabled=older is None,
        ):
            pages.append(older)
            st.rerun()
