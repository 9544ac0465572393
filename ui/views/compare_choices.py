"""Which releases can be compared now; where there are too few, the page says so and waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from ui.calls.live_releases import LiveRelease, live_releases
from ui.components.notices import show_notice
from ui.errors import GatewayProblem
from ui.plain_words import Asked, Notice, problem_notice
from ui.scene import Scene

# Releases come and go when somebody works on them, which is rare.
MAX_AGE = timedelta(seconds=10)

# Key in session_state.
KNOWN = "compare_known_releases"


@dataclass(frozen=True)
class _Known:
    releases: tuple[LiveRelease, ...]
    asked_at: datetime


def watch_choices(scene: Scene) -> tuple[LiveRelease, ...]:
    """Tell which releases answer; where there are too few, say so until there are enough."""
    current = _current(scene)
    if isinstance(current, Notice) or not comparable(current):
        interval = scene.settings.health_interval_seconds
        st.fragment(_wait, run_every=interval)(scene)
        return ()
    return current


def comparable(releases: tuple[LiveRelease, ...]) -> dict[str, list[LiveRelease]]:
    """Sort releases by their tasks; one that has nobody to compare with is left out."""
    by_task: dict[str, list[LiveRelease]] = {}
    for release in releases:
        by_task.setdefault(release.task, []).append(release)
    return {task: found for task, found in by_task.items() if len(found) > 1}


def _wait(scene: Scene) -> None:
    current = _current(scene)
    if isinstance(current, Notice):
        show_notice(current)
    elif comparable(current):
        st.rerun()
    else:
        st.info(
            scene.texts("compare.too_few_body"),
            title=scene.texts("compare.too_few"),
            icon=":material/compare_arrows:",
        )


def _current(scene: Scene) -> tuple[LiveRelease, ...] | Notice:
    """What is known, if it is young; else what the gateway says, or why it says nothing."""
    known: _Known | None = st.session_state.get(KNOWN)
    now, identity = scene.services.now(), scene.status.identity
    if known is not None and timedelta(0) <= now - known.asked_at < MAX_AGE:
        return known.releases
    if identity is None:
        return ()  # nobody has said yet what this key may do
    try:
        releases = live_releases(scene.caller, identity)
    except GatewayProblem as problem:
        # An input that is half written is not taken away because of a hiccup.
        return known.releases if known else problem_notice(problem, scene.texts, Asked.ORDER)
    st.session_state[KNOWN] = _Known(releases, now)
    return releases
