"""Monitoring: the last hour of traffic, steps and processes, and how each part is."""

from __future__ import annotations

import logging

import streamlit as st

from ui.calls.health import Health, ask_health
from ui.components.notices import show_notice
from ui.errors import GatewayProblem
from ui.figures import steps, traffic
from ui.figures.bins import Bins
from ui.monitored_hour import MonitoredHour
from ui.plain_words import Asked, problem_notice
from ui.scene import Scene
from ui.views.monitoring_charts import Glance, show_charts, show_glance, show_step_table
from ui.views.monitoring_health import show_health

logger = logging.getLogger(__name__)

# As often as there are new samples.
REFRESH_SECONDS = 5.0
WINDOWS_SECONDS = (300, 900, 3600)

# Keys in session_state.
HOUR = "monitoring_hour"
WINDOW = "monitoring_window"
RELEASE = "monitoring_release"


def show_monitoring_page(scene: Scene) -> None:
    """Draw the page; what is below its title draws itself anew every five seconds."""
    st.title(scene.texts("page.monitoring"))
    st.fragment(_live, run_every=REFRESH_SECONDS)(scene)


def _live(scene: Scene) -> None:
    hour: MonitoredHour = st.session_state.setdefault(HOUR, MonitoredHour())
    problems = hour.refresh(scene.caller)
    health = _ask_health(scene, problems)
    # Containers keep what comes after them in its place, so that nothing is drawn anew for nothing.
    with st.container():
        _show_problems(scene, problems)
    with st.container():
        show_health(scene, health)
    window, release = _choose(scene, hour)
    bins = Bins(hour.newest or scene.services.now().timestamp(), window)
    glance = Glance(scene.texts, hour, bins, release)
    show_glance(glance)
    show_charts(glance)
    show_step_table(glance)


def _ask_health(scene: Scene, problems: list[GatewayProblem]) -> Health | None:
    try:
        return ask_health(scene.caller)
    except GatewayProblem as problem:
        problems.append(problem)
        return None


def _show_problems(scene: Scene, problems: list[GatewayProblem]) -> None:
    """Each kind once: three calls to a gateway that is away have one cause."""
    notices = {
        notice.title: notice
        for problem in reversed(problems)
        if (notice := problem_notice(problem, scene.texts, Asked.ORDER))
    }
    for notice in notices.values():
        show_notice(notice)
    if problems:
        logger.warning("monitoring: %s", "; ".join(str(problem) for problem in problems))
        st.caption(scene.texts("monitoring.last_known"))


def _choose(scene: Scene, hour: MonitoredHour) -> tuple[int, str | None]:
    texts = scene.texts
    labels = {
        seconds: texts("monitoring.minutes", minutes=seconds // 60) for seconds in WINDOWS_SECONDS
    }
    releases = traffic.releases_of(hour.traffic.samples) | steps.releases_of(hour.servers)
    window_column, release_column = st.columns([2, 1], vertical_alignment="bottom")
    with window_column:
        window = st.segmented_control(
            texts("monitoring.window"),
            WINDOWS_SECONDS,
            default=WINDOWS_SECONDS[0],
            format_func=labels.__getitem__,
            required=True,
            key=WINDOW,
        )
    with release_column:
        release = st.selectbox(
            texts("monitoring.release"),
            ["", *sorted(_with_chosen(releases))],
            format_func=lambda name: name or texts("monitoring.all_releases"),
            key=RELEASE,
        )
    return window, release or None


def _with_chosen(releases: set[str]) -> set[str]:
    """One that was unloaded an hour ago stays to choose while it is chosen."""
    chosen: str = st.session_state.get(RELEASE) or ""
    return releases | ({chosen} if chosen else set())
