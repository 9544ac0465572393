"""Entry point of `streamlit run ui/app.py`: page config, and what all sessions share."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.errors import InvalidSetting
from ui.frame import run_page
from ui.services import Services, build_services
from ui.session import current_texts
from ui.settings import UiSettings

# Streamlit's own icons and emoji would make the browser fetch them from somewhere else.
ICON = Path(__file__).with_name("icon.svg")


@st.cache_resource(show_spinner=False, on_release=lambda services: services.http.close())
def shared_services() -> Services:
    """Build what all sessions of this process share, once."""
    return build_services(UiSettings.from_environment())


def main() -> None:
    """Set the page up and run it."""
    st.set_page_config(page_title="Triptych", page_icon=str(ICON), layout="wide")
    try:
        services = shared_services()
    except InvalidSetting as problem:
        st.error(str(problem), title=current_texts()("app.not_set_up"))
        st.stop()
    run_page(services)


if __name__ == "__main__":
    main()
