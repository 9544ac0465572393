"""What is around every page: its list, who is signed in, the language."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui import session
from ui.components.sign_in import show_sign_in
from ui.components.upload_memory import keep_only
from ui.navigation import ENTRIES, Entry
from ui.scene import Scene
from ui.services import Services
from ui.texts import LANGUAGES


def run_page(services: Services) -> None:
    """Draw the frame and the page that the address names."""
    scene = current_scene(services)
    pages = [_page(entry, scene, is_first=entry is ENTRIES[0]) for entry in ENTRIES]
    chosen = st.navigation(pages, position="sidebar")
    if session.enter_page(chosen.url_path or ENTRIES[0].name):
        keep_only([])  # the fields of the other page are gone, and their files with them
    chosen.run()
    with st.sidebar:
        show_sign_in(scene)
        _choose_language(scene)


def current_scene(services: Services) -> Scene:
    """Ask what is so now, for this session."""
    visit, texts = session.current_visit(services), session.current_texts()
    return Scene(services, visit.caller, visit.watch, visit.watch.current(), texts)


def _page(entry: Entry, scene: Scene, *, is_first: bool) -> st.Page:
    may_see = entry.is_for(scene.status.identity)
    return st.Page(
        partial(entry.show if may_see else _show_closed_door, scene),
        title=scene.texts(f"page.{entry.name}"),
        icon=entry.icon,
        url_path=entry.name,
        default=is_first,
        # Its address still leads somewhere: a person may have it from a colleague.
        visibility="visible" if may_see else "hidden",
    )


def _show_closed_door(scene: Scene) -> None:
    st.info(
        scene.texts("page.may_not_body"),
        title=scene.texts("page.may_not"),
        icon=":material/lock:",
    )


def _choose_language(scene: Scene) -> None:
    languages = list(LANGUAGES)
    st.selectbox(
        scene.texts("sign_in.language"),
        languages,
        index=languages.index(scene.texts.language),
        format_func=LANGUAGES.__getitem__,
        key=session.LANGUAGE,
    )
