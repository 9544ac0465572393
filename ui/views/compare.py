"""Compare: one input to several releases side by side; a shadow beside whoever answers."""

from __future__ import annotations

import streamlit as st

from ui.components.health_banner import show_health_banner
from ui.scene import Scene
from ui.views.compare_releases import show_releases
from ui.views.compare_shadows import show_shadows

TABS = "compare_tabs"


def show_compare_page(scene: Scene) -> None:
    """Draw the whole page; shadows are for operators, whose keys may ask for reports."""
    texts, identity = scene.texts, scene.status.identity
    st.title(texts("page.compare"))
    st.markdown(texts("compare.invitation"))
    show_health_banner(scene)
    if identity is None or not identity.is_admin:
        show_releases(scene)
        return
    names = [texts("compare.releases_tab"), texts("compare.shadows_tab")]
    # Only what is looked at is drawn: the other half would go on asking.
    releases_tab, shadows_tab = st.tabs(names, key=TABS, on_change="rerun")
    if shadows_tab.open:
        with shadows_tab:
            show_shadows(scene)
    else:
        with releases_tab:
            show_releases(scene)
