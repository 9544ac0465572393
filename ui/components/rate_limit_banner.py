"""The limit of a key is used up: since when, and when the page goes on by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from ui.errors import GatewayProblem, RequestRefused
from ui.scene import Scene

# Key in session_state.
PAUSE = "rate_limit_pause"

_TOO_MANY_REQUESTS = 429
_USUAL_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Pause:
    """Since when, and until when, the gateway asked to wait."""

    since: datetime
    until: datetime


def note_rate_limit(scene: Scene, problem: GatewayProblem) -> None:
    """Remember that the gateway asked to wait, if it did."""
    if not isinstance(problem, RequestRefused) or problem.status != _TOO_MANY_REQUESTS:
        return
    asked = problem.retry_after_seconds or _USUAL_WAIT_SECONDS
    now = scene.services.now()
    earlier: Pause | None = st.session_state.get(PAUSE)
    since = earlier.since if earlier is not None else now
    until = now + timedelta(seconds=min(asked, _LONGEST_WAIT_SECONDS))
    st.session_state[PAUSE] = Pause(since, until)


def is_limited(scene: Scene) -> bool:
    """Whether the gateway has asked to wait, and the time is not over."""
    pause: Pause | None = st.session_state.get(PAUSE)
    return pause is not None and scene.services.now() < pause.until


def show_rate_limit(scene: Scene) -> bool:
    """Draw the banner while there is something to wait for; when it is over, run the page again.

    Returns:
        Whether it was drawn.
    """
    pause: Pause | None = st.session_state.get(PAUSE)
    if pause is None:
        return False
    seconds = math.ceil((pause.until - scene.services.now()).total_seconds())
    if seconds <= 0:
        del st.session_state[PAUSE]
        st.rerun()
    st.warning(
        scene.texts("rate_limit.body", since=scene.clock(pause.since), seconds=seconds),
        title=scene.texts("rate_limit.title"),
        icon=":material/hourglass_top:",
    )
    return True
