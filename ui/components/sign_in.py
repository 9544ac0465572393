"""Who is asking: the page's own key, or a person's, which this session alone knows."""

from __future__ import annotations

import logging

import streamlit as st

from ui import session
from ui.calls.api_key import as_header_value
from ui.calls.identity import ask_identity
from ui.errors import ApiKeyUnusable, GatewayProblem, RequestRefused
from ui.scene import Scene
from ui.view_models import escape_markdown

logger = logging.getLogger(__name__)

# Keys in session_state: what is being written, and why the last attempt failed.
WRITTEN = "sign_in_written"
PROBLEM = "sign_in_problem"


def show_sign_in(scene: Scene) -> None:
    """Draw who is signed in, and the field for a key while nobody is."""
    if session.is_signed_in():
        _show_signed_in(scene)
        return
    texts = scene.texts
    # The browser would go on holding a key that was refused, and send it with every click.
    with st.form("sign_in", border=True, clear_on_submit=True):
        st.caption(texts("sign_in.guest"))
        st.text_input(
            texts("sign_in.label"),
            key=WRITTEN,
            type="password",
            autocomplete="off",
            help=texts("sign_in.help"),
        )
        st.form_submit_button(
            texts("sign_in.button"), icon=":material/login:", on_click=_sign_in, args=(scene,)
        )
        problem = st.session_state.pop(PROBLEM, None)
        if problem is not None:
            st.error(texts(problem))


def _show_signed_in(scene: Scene) -> None:
    identity = scene.status.identity
    name = escape_markdown(identity.name) if identity is not None else "…"
    st.caption(f":material/key: {scene.texts('sign_in.signed_in', name=name)}")
    st.button(scene.texts("sign_in.sign_out"), icon=":material/logout:", on_click=session.sign_out)


def _sign_in(scene: Scene) -> None:
    """Try the key that was written; what was written is forgotten either way."""
    written: str = st.session_state.pop(WRITTEN, "")
    try:
        visit = scene.services.visit_with(as_header_value(written))
        ask_identity(visit.caller)
    except ApiKeyUnusable:
        st.session_state[PROBLEM] = "sign_in.unusable"
    except RequestRefused as problem:
        logger.warning("nobody signed in: %s", problem)
        known = problem.needs_operator
        st.session_state[PROBLEM] = "sign_in.refused" if known else "sign_in.not_asked"
    except GatewayProblem as problem:
        logger.warning("nobody signed in: %s", problem)
        st.session_state[PROBLEM] = "sign_in.not_asked"
    else:
        session.sign_in(visit)
