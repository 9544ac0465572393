"""One key: what it was used for, and what can be done with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from ui.calls.keys import ListedKey, change_key, revoke_key, rotate_key
from ui.components.notices import show_notice
from ui.errors import GatewayProblem, RequestRefused
from ui.plain_words import Asked, Notice, problem_notice
from ui.scene import Scene
from ui.texts import Texts
from ui.views.keys_issued import issue
from ui.views.keys_rows import key_sentence, state_word, usage_sentence
from ui.views.keys_terms import ask_terms

logger = logging.getLogger(__name__)

_HOUR = 3600
# How long the old secret may stay good after a rotation, in seconds.
GRACES = {
    0: "keys.grace.none",
    _HOUR: "keys.grace.hour",
    24 * _HOUR: "keys.grace.day",
    7 * 24 * _HOUR: "keys.grace.week",
}
# What is refused in words of its own.
_REFUSALS = {
    "last_admin_key": ("keys.last_admin_title", "keys.last_admin"),
    "unknown_key": ("keys.gone_title", "keys.gone"),
}
# Key in session_state: a sentence about what was done, shown once.
_DONE = "keys_done"
# Likewise: where an order was refused, and why. The list redraws itself; this has to outlive that.
_REFUSED = "keys_refused"


def order_notice(problem: GatewayProblem, texts: Texts) -> Notice:
    """Put into plain words why something was not done."""
    logger.warning("not done: %s: %s", type(problem).__name__, problem)
    if isinstance(problem, RequestRefused) and problem.code in _REFUSALS:
        title, body = _REFUSALS[problem.code]
        return Notice(texts(title), texts(body))
    return problem_notice(problem, texts, Asked.ORDER)


def show_what_was_done(scene: Scene) -> None:
    """Say once, after an order, that it was carried out."""
    done: tuple[str, str] | None = st.session_state.pop(_DONE, None)
    if done is not None:
        sentence, key = done
        st.success(scene.texts(sentence, key=key), icon=":material/check_circle:")


def show_key(scene: Scene, key: ListedKey) -> None:
    """Draw one key, and what can be done with it."""
    texts = scene.texts
    with st.container(border=True):
        state = state_word(key, texts, scene.services.now())
        st.markdown(f"{key_sentence(key)} · {state}")
        today, month = (usage_sentence(it, texts) for it in (key.today, key.last_30_days))
        st.caption(texts("keys.used", today=today, month=month))
        if key.revoked_at is not None:
            st.caption(texts("keys.stays_revoked"))
            return
        change, rotate, revoke = st.tabs(
            [texts("keys.change"), texts("keys.rotate"), texts("keys.revoke")]
        )
        with change:
            _show_change(scene, key)
        with rotate:
            _show_rotation(scene, key)
        with revoke:
            _show_revocation(scene, key)


def _show_change(scene: Scene, key: ListedKey) -> None:
    # Terms that somebody else changes meanwhile get fields of their own, with what is so now.
    mark, place = f"{key.key_id}_{abs(hash(key.terms)):x}", f"change_{key.key_id}"
    with st.form(f"keys_change_{mark}", border=False):
        terms = ask_terms(scene, key.terms, mark)
        is_wanted = st.form_submit_button(
            scene.texts("keys.change_it"), key=f"keys_change_it_{mark}"
        )
    if is_wanted and not terms.name.strip():
        _refuse(scene, place, "keys.form.incomplete")
    elif is_wanted and terms == key.terms:
        _refuse(scene, place, "keys.nothing_changed")
    elif is_wanted:
        with _ordered(scene, place):
            change_key(scene.caller, key, terms)
            _note_done(scene, "keys.changed", key)
    _show_refusal(place)


def _show_rotation(scene: Scene, key: ListedKey) -> None:
    texts, place = scene.texts, f"rotate_{key.key_id}"
    st.markdown(texts("keys.rotate_what"))
    with st.form(f"keys_rotate_{key.key_id}", border=False):
        grace = st.selectbox(
            texts("keys.grace.label"),
            list(GRACES),
            format_func=lambda seconds: texts(GRACES[seconds]),
            key=f"keys_grace_{key.key_id}",
        )
        is_wanted = st.form_submit_button(
            texts("keys.rotate_it"), key=f"keys_rotate_it_{key.key_id}"
        )
    if is_wanted:
        with _ordered(scene, place):
            issue(scene, rotate_key(scene.caller, key.key_id, grace))
            st.rerun()
    _show_refusal(place)


def _show_revocation(scene: Scene, key: ListedKey) -> None:
    texts, identity, place = scene.texts, scene.status.identity, f"revoke_{key.key_id}"
    st.markdown(texts("keys.revoke_what"))
    if identity is not None and identity.key_id == key.key_id:
        st.warning(texts("keys.revoke_own"))
    with st.form(f"keys_revoke_{key.key_id}", border=False):
        label = texts("keys.revoke_sure", key=key_sentence(key))
        is_sure = st.checkbox(label, key=f"keys_sure_{key.key_id}")
        is_wanted = st.form_submit_button(
            texts("keys.revoke_it"), key=f"keys_revoke_it_{key.key_id}", icon=":material/delete:"
        )
    if is_wanted and not is_sure:
        _refuse(scene, place, "keys.revoke_unsure")
    elif is_wanted:
        with _ordered(scene, place):
            revoke_key(scene.caller, key.key_id)
            _note_done(scene, "keys.revoked", key)
    _show_refusal(place)


@contextmanager
def _ordered(scene: Scene, place: str) -> Iterator[None]:
    """Carry out an order; why it was refused stays on the page until the next one."""
    st.session_state.pop(_REFUSED, None)
    try:
        yield
    except GatewayProblem as problem:
        st.session_state[_REFUSED] = (place, order_notice(problem, scene.texts))


def _refuse(scene: Scene, place: str, sentence: str) -> None:
    notice = Notice(scene.texts("keys.not_done"), scene.texts(sentence))
    st.session_state[_REFUSED] = (place, notice)


def _show_refusal(place: str) -> None:
    refused: tuple[str, Notice] | None = st.session_state.get(_REFUSED)
    if refused is not None and refused[0] == place:
        show_notice(refused[1])


def _note_done(scene: Scene, sentence: str, key: ListedKey) -> None:
    st.session_state[_DONE] = (sentence, key_sentence(key))
    scene.watch.look_anew()
    st.rerun()
