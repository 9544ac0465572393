"""The Jobs page as its tests read it."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

OpenPage = Callable[..., AppTest]


def said(page: AppTest) -> str:
    """Everything in sentences."""
    elements = [*page.markdown, *page.caption, *page.error, *page.info, *page.warning]
    titles = [it.proto.title for it in page.error]
    return "\n".join([*titles, *(str(it.value) for it in elements)])


def press(page: AppTest, label: str) -> AppTest:
    """Click the one button of that label."""
    [found] = [it for it in page.button if it.label == label]
    return found.click().run()


def field(page: AppTest, kind: str, label: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - of any kind
    """The one field of that kind and label."""
    [found] = [it for it in getattr(page, kind) if it.label == label]
    return found
