"""Keys: who may ask what, what they were used for; make, change, rotate, revoke."""

from __future__ import annotations

import logging

import streamlit as st

from ui.calls.identity import ADMIN, PREDICT
from ui.calls.keys import KeyTerms, ListedKey, create_key, list_keys
from ui.components.health_banner import show_health_banner
from ui.components.notices import show_notice, show_placeholder
from ui.errors import GatewayProblem
from ui.plain_words import Asked, problem_notice
from ui.reader import reader_zone
from ui.scene import Scene
from ui.views.keys_issued import issue, show_issued_key
from ui.views.keys_orders import order_notice, show_key, show_what_was_done
from ui.views.keys_rows import filtered, option_label, to_rows
from ui.views.keys_terms import ask_terms

logger = logging.getLogger(__name__)

SCOPES = (PREDICT, "metrics", ADMIN)

# Key in session_state: counts the keys made, so that each form begins empty.
_MADE = "keys_made"


def show_keys_page(scene: Scene) -> None:
    """Draw the whole page."""
    st.title(scene.texts("page.keys"))
    st.markdown(scene.texts("keys.what_it_is"))
    show_health_banner(scene)
    show_issued_key(scene)
    show_what_was_done(scene)
    _show_new_key(scene)
    st.fragment(_show_keys, run_every=scene.settings.health_interval_seconds)(scene)


def _show_new_key(scene: Scene) -> None:
    texts, mark = scene.texts, f"new_{st.session_state.get(_MADE, 0)}"
    with st.expander(texts("keys.create"), icon=":material/add:"), st.form(f"keys_form_{mark}"):
        terms = ask_terms(scene, KeyTerms(name=""), mark)
        left, right = st.columns(2)
        scopes = left.multiselect(
            texts("keys.form.scopes"),
            SCOPES,
            PREDICT,
            help=texts("keys.form.scopes_help"),
            key=f"keys_scopes_{mark}",
        )
        tenant = right.text_input(
            texts("keys.form.tenant"),
            help=texts("keys.form.tenant_help"),
            max_chars=64,
            key=f"keys_tenant_{mark}",
        )
        if st.form_submit_button(texts("keys.create_it"), type="primary", key="keys_create"):
            _create(scene, terms, tuple(scopes), tenant.strip() or None)


def _create(scene: Scene, terms: KeyTerms, scopes: tuple[str, ...], tenant: str | None) -> None:
    if not terms.name.strip() or not scopes:
        st.error(scene.texts("keys.form.incomplete"))
        return
    try:
        issued = create_key(scene.caller, terms, scopes=scopes, tenant=tenant)
    except GatewayProblem as problem:
        show_notice(order_notice(problem, scene.texts))
        return
    st.session_state[_MADE] = st.session_state.get(_MADE, 0) + 1
    issue(scene, issued)
    st.rerun()


def _show_keys(scene: Scene) -> None:
    """Draw what is so now; runs again by itself, also after trouble."""
    try:
        keys = list_keys(scene.caller)
    except GatewayProblem as problem:
        logger.warning("no keys: %s: %s", type(problem).__name__, problem)
        show_notice(problem_notice(problem, scene.texts, Asked.ORDER))
        return
    texts = scene.texts
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    wanted = left.text_input(texts("keys.filter"), key="keys_filter", icon=":material/search:")
    shows_revoked = right.toggle(texts("keys.show_revoked"), key="keys_show_revoked")
    shown = filtered(keys, wanted, shows_revoked=shows_revoked)
    if not shown:
        show_placeholder(texts("keys.none_found"))
        return
    rows = to_rows(shown, texts, now=scene.services.now(), zone=reader_zone())
    st.dataframe(rows, hide_index=True, alt=texts("keys.table"))
    _show_chosen(scene, shown)


def _show_chosen(scene: Scene, shown: tuple[ListedKey, ...]) -> None:
    by_id = {key.key_id: key for key in shown}
    chosen = st.selectbox(
        scene.texts("keys.choose"),
        list(by_id),
        index=None,
        format_func=lambda key_id: option_label(by_id[key_id]),
        placeholder=scene.texts("keys.choose_one"),
        key="keys_chosen",
    )
    if chosen in by_id:
        show_key(scene, by_id[chosen])
