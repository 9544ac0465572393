"""Releases: what there is, who gets which traffic, rollouts, and who did what."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.components.confirmation import show_confirmation
from ui.components.health_banner import show_health_banner
from ui.scene import Scene
from ui.views.releases_history import show_history
from ui.views.releases_rollouts import show_rollouts
from ui.views.releases_table import show_releases
from ui.views.releases_traffic import show_traffic


def show_releases_page(scene: Scene) -> None:
    """Draw the whole page; of its parts only the open one asks anything."""
    texts = scene.texts
    st.title(texts("page.releases"))
    st.markdown(texts("releases.invitation"))
    show_health_banner(scene)
    parts: dict[str, Callable[[Scene], None]] = {
        f":material/inventory_2: {texts('releases.part.releases')}": show_releases,
        f":material/alt_route: {texts('releases.part.traffic')}": show_traffic,
        f":material/trending_up: {texts('releases.part.rollouts')}": show_rollouts,
        f":material/history: {texts('releases.part.history')}": show_history,
    }
    tabs = st.tabs(list(parts), key="releases_part", on_change="rerun")
    for tab, show in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab:
                show(scene)
    show_confirmation(scene)
