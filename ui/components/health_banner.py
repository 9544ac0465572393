"""One quiet line while all is well; a banner that says what, since when and why while it is not."""

from __future__ import annotations

import streamlit as st

from ui.components.rate_limit_banner import show_rate_limit
from ui.plain_words import status_notice
from ui.reader import reader_zone
from ui.scene import Scene


def show_health_banner(scene: Scene) -> None:
    """Draw the banner and keep it true while the page is open.

    When the service changes to a state that the page was not drawn for, the whole page runs
    again: that is how it heals without a reload.
    """
    st.fragment(_banner, run_every=scene.settings.health_interval_seconds)(scene)


def _banner(scene: Scene) -> None:
    status = scene.watch.current()
    if not status.looks_like(scene.status):
        st.rerun()
    notice = status_notice(
        status,
        scene.texts,
        gateway_url=scene.settings.gateway_url,
        interval_seconds=scene.settings.health_interval_seconds,
        now=scene.services.now(),
        zone=reader_zone(),
    )
    if notice is not None:
        st.warning(notice.body, title=notice.title, icon=":material/pause_circle:")
        return
    if not show_rate_limit(scene):
        st.caption(f":green[:material/check_circle:] {scene.texts('status.ready')}")
