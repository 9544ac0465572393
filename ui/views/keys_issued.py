"""A key that was made just now: shown until the person has it, or leaves the page."""

from __future__ import annotations

import streamlit as st

from ui import session
from ui.calls.keys import IssuedKey
from ui.scene import Scene
from ui.view_models import as_code
from ui.views.keys_rows import plain_name

PAGE = "keys"


def issue(scene: Scene, issued: IssuedKey) -> None:
    """Show this key from the next run on; whoever has rotated their own key goes on with it."""
    identity = scene.status.identity
    if session.is_signed_in() and identity is not None and identity.key_id == issued.key_id:
        session.sign_in(scene.services.visit_with(issued.secret))
    session.keep_on_page(PAGE, issued)


def show_issued_key(scene: Scene) -> None:
    """Draw it, if there is one."""
    issued = session.kept_on_page(PAGE)
    if not isinstance(issued, IssuedKey):
        return
    texts = scene.texts
    with st.container(border=True):
        st.warning(
            texts("keys.shown_once", name=plain_name(issued.name), key_id=as_code(issued.key_id)),
            title=texts("keys.shown_once_title"),
            icon=":material/key:",
        )
        st.code(issued.secret, language=None)
        st.button(
            texts("keys.i_have_it"),
            key="keys_have_it",
            type="primary",
            icon=":material/check:",
            on_click=session.leave_page,
        )
