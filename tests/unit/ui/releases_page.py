"""The Releases page as its tests read it."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from tests.unit.ui.fake_gateway import FakeClock

OpenPage = Callable[..., AppTest]

PARTS = {
    "traffic": ":material/alt_route: Traffic",
    "rollouts": ":material/trending_up: Rollouts",
    "history": ":material/history: History",
}


def open_part(open_page: OpenPage, part: str, page: AppTest | None = None) -> AppTest:
    """Open the page, or go on with it, at one of its parts."""
    page = page or open_page("releases")
    page.session_state["releases_part"] = PARTS[part]
    return page.run()


def words(page: AppTest) -> str:
    """Everything in sentences."""
    elements = [*page.markdown, *page.caption, *page.info, *page.warning, *page.error]
    return "\n".join(str(it.value) for it in elements)


def cells(page: AppTest, number: int = 0) -> list[list[str]]:
    """The rows of a table."""
    return [[str(cell) for cell in row] for row in page.table[number].value.to_numpy().tolist()]


def button(page: AppTest, label: str) -> Button:
    """The one button on the page, or in its dialog, whose label begins so."""
    [found] = [it for it in page.button if it.label.startswith(label)]
    return found


def confirm(page: AppTest, reason: str = "") -> AppTest:
    """Say yes in the dialog."""
    if reason:
        page.text_input(key="confirmation_reason").input(reason)
    return page.button(key="confirmation_yes").click().run()


def look_again(page: AppTest, clock: FakeClock) -> AppTest:
    """Let the live parts ask anew."""
    clock.advance(2)
    return page.run()
