"""What an operator watches: asked for again and again, and kept while nobody answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import streamlit as st

from ui.components.notices import show_notice
from ui.errors import GatewayProblem
from ui.plain_words import Asked, problem_notice
from ui.scene import Scene

logger = logging.getLogger(__name__)

LIVE_SECONDS = 2.0
# Several parts of one drawing share an answer.
_FRESH = timedelta(seconds=1)
_PREFIX = "live_look "

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class _Seen(Generic[AnswerT]):
    answer: AnswerT
    at: datetime


def look(scene: Scene, name: str, ask: Callable[[], AnswerT]) -> AnswerT | None:
    """Ask, unless that was done just now; say it where nobody answers, and give the last answer.

    Args:
        scene: Of this run.
        name: Of what is asked, different for each question.
        ask: Raises GatewayProblem where there is no answer.

    Returns:
        The answer; the last one while there is no new one; None where there never was one.
    """
    key, now = _PREFIX + name, scene.services.now()
    last: _Seen[AnswerT] | None = st.session_state.get(key)
    if last is not None and timedelta(0) <= now - last.at < _FRESH:
        return last.answer
    try:
        answer = ask()
    except GatewayProblem as problem:
        logger.warning("%s: %s: %s", name, type(problem).__name__, problem)
        _show_problem(scene, problem, last.at if last else None)
        return last.answer if last else None
    st.session_state[key] = _Seen(answer, now)
    return answer


def forget_looks() -> None:
    """Somebody has changed something: what was seen is old."""
    for key in list(st.session_state):
        if str(key).startswith(_PREFIX):
            del st.session_state[key]


def watch(draw: Callable[..., None], *given: object) -> None:
    """Draw a part, and draw it again every other second, without the rest of the page."""
    st.fragment(draw, run_every=LIVE_SECONDS)(*given)


def _show_problem(scene: Scene, problem: GatewayProblem, seen_at: datetime | None) -> None:
    notice = problem_notice(problem, scene.texts, Asked.ORDER)
    if seen_at is not None:
        kept = scene.texts("releases.seen_at", since=scene.clock(seen_at))
        notice = replace(notice, body=f"{notice.body}\n\n{kept}")
    show_notice(notice)
