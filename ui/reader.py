"""What the browser says of its reader."""

from __future__ import annotations

from datetime import timedelta, timezone

import streamlit as st


def reader_zone() -> timezone | None:
    """The browser's time zone; None, this machine's, when the browser does not say."""
    minutes_behind_utc = st.context.timezone_offset
    if minutes_behind_utc is None:
        return None
    return timezone(-timedelta(minutes=minutes_behind_utc))
