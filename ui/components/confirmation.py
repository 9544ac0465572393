"""Nothing that moves traffic or memory is done by one click: a dialog says what will happen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from ui.components.live_look import forget_looks
from ui.components.notices import show_notice
from ui.errors import GatewayProblem
from ui.plain_words import Asked, problem_notice
from ui.scene import Scene
from ui.texts import Texts

logger = logging.getLogger(__name__)

# Keys in session_state: the question that is open, why, and what was done a moment ago.
QUESTION = "confirmation_question"
REASON = "confirmation_reason"
DONE = "confirmation_done"

_MOST_REASON_CHARACTERS = 500


@dataclass(frozen=True)
class Question:
    """Something that a person is about to do.

    Attributes:
        title: In plain text.
        sentences: What will happen, Markdown.
        button: What is done.
        act: Does it, for a reason; raises GatewayProblem where it is refused.
        done: Said when it is done; empty where something else tells.
        refrain: On the button that does nothing; empty is the usual word.
        asks_why: Whether a reason is kept anywhere.
    """

    title: str
    sentences: tuple[str, ...]
    button: str
    act: Callable[[str], None]
    done: str = ""
    refrain: str = ""
    asks_why: bool = True


def ask(question: Question) -> None:
    """Open the dialog; for a button inside a fragment, too."""
    st.session_state[QUESTION] = question
    st.session_state.pop(REASON, None)
    st.rerun()


def show_confirmation(scene: Scene) -> None:
    """Draw the open question, if there is one; once, at the end of a page."""
    done = st.session_state.pop(DONE, "")
    if done:
        st.toast(done, icon=":material/check_circle:")
    question: Question | None = st.session_state.get(QUESTION)
    if question is not None:
        st.dialog(question.title, on_dismiss=_close)(_draw)(scene, question)


def _close() -> None:
    st.session_state.pop(QUESTION, None)


def _draw(scene: Scene, question: Question) -> None:
    texts = scene.texts
    for sentence in question.sentences:
        st.markdown(sentence)
    reason = _ask_why(texts) if question.asks_why else ""
    with st.container(horizontal=True):
        is_sure = st.button(question.button, type="primary", key="confirmation_yes")
        refrain = question.refrain or texts("releases.confirm.cancel")
        is_unsure = st.button(refrain, key="confirmation_no")
    if is_unsure:
        _close()
        st.rerun()
    if is_sure:
        _act(scene, question, " ".join(reason.split()))


def _ask_why(texts: Texts) -> str:
    return st.text_input(
        texts("releases.confirm.reason"), max_chars=_MOST_REASON_CHARACTERS, key=REASON
    )


def _act(scene: Scene, question: Question, reason: str) -> None:
    forget_looks()
    try:
        question.act(reason)
    except GatewayProblem as problem:
        logger.warning("not done: %s: %s", type(problem).__name__, problem)
        show_notice(problem_notice(problem, scene.texts, Asked.ORDER))
        return
    scene.watch.look_anew()
    st.session_state[DONE] = question.done
    _close()
    st.rerun()
