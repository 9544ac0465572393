"""One quiet line while all is well; a banner that says what, since when and why while it is not."""

from __future__ import annotations

from datetime import timedelta, timezone

import streamlit as st

from ui.plain_words import status_notice
from ui.service_watch import ServiceStatus
from ui.services import Services


def show_health_banner(services: Services, *, drawn_for: ServiceStatus) -> None:
    """Draw the banner and keep it true while the page is open.

    Args:
        services: Whom to ask.
        drawn_for: The status that the rest of the page is drawn for. When the service changes to
            another one, the whole page runs again: that is how it heals without a reload.
    """
    st.fragment(_banner, run_every=services.settings.health_interval_seconds)(services, drawn_for)


def _banner(services: Services, drawn_for: ServiceStatus) -> None:
    status = services.watch.current()
    if not status.looks_like(drawn_for):
        st.rerun()
    notice = status_notice(
        status,
        gateway_url=services.settings.gateway_url,
        interval_seconds=services.settings.health_interval_seconds,
        now=services.now(),
        zone=_reader_zone(),
    )
    if notice is None:
        st.caption(":green[:material/check_circle:] All systems ready")
    else:
        st.warning(notice.body, title=notice.title, icon=":material/pause_circle:")


def _reader_zone() -> timezone | None:
    """The browser's time zone; None, this machine's, when the browser does not say."""
    minutes_behind_utc = st.context.timezone_offset
    if minutes_behind_utc is None:
        return None
    return timezone(-timedelta(minutes=minutes_behind_utc))
