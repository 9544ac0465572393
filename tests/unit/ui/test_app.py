from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[3] / "ui" / "app.py"


@pytest.fixture(autouse=True)
def _fresh_services() -> Iterator[None]:
    """The app keeps its services for the life of the process, which here is many tests."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_the_app_opens_on_the_page_even_when_nothing_answers(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("UI_GATEWAY_URL", f"http://127.0.0.1:{closed_port}")

    app = AppTest.from_file(APP, default_timeout=10).run()

    assert not app.exception
    assert app.title[0].value == "Triptych"
    assert f"The gateway at `http://127.0.0.1:{closed_port}` does not" in app.warning[0].value


def test_a_setting_that_cannot_be_used_is_named_on_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UI_HEALTH_INTERVAL_SECONDS", "often")

    app = AppTest.from_file(APP, default_timeout=10).run()

    assert not app.exception
    assert "UI_HEALTH_INTERVAL_SECONDS must be a number above zero" in app.error[0].value
