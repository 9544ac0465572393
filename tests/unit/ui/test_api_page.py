"""The API page: the last request, or an example, without the key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import DIGITS, SENTIMENT, FakeGateway
from ui.session import LAST_REQUEST, LastRequest

OpenPage = Callable[..., AppTest]


def codes(page: AppTest) -> list[str]:
    return [code.value for code in page.code]


def said(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.markdown, *page.caption])


def test_before_any_request_there_is_an_example_with_the_first_model(open_page: OpenPage) -> None:
    page = open_page("api")

    assert not page.exception
    assert "so here is an example" in said(page)
    assert len(codes(page)) == 4
    assert all("digits" in code for code in codes(page))
    assert "one-napkin.png" in codes(page)[0]
    assert "http://gateway:8080/v1/predict/digits?top_k=5" in codes(page)[0]


def test_the_request_that_was_made_is_written_out(open_page: OpenPage) -> None:
    page = open_page("api")

    page.session_state[LAST_REQUEST] = LastRequest("flowers", 2, "a `rose`.webp", "image/webp")
    page.run()

    assert "The request that this page made last" in said(page)
    assert "`a 'rose'.webp`" in said(page)
    assert "'@./a `rose`.webp'" in codes(page)[0]
    assert "top_k=2" in codes(page)[0]


def test_no_key_is_ever_written(open_page: OpenPage) -> None:
    page = open_page("api")

    assert "tp_very_secret" not in "".join([*codes(page), said(page)])
    assert all("TRIPTYCH_API_KEY" in code for code in codes(page))


@pytest.mark.parametrize("with_samples", [True, False])
def test_the_example_for_texts_is_a_text(
    open_page: OpenPage, gateway: FakeGateway, with_samples: bool
) -> None:
    gateway.routes = [SENTIMENT | {"top_k": 2}]

    page = open_page("api") if with_samples else open_page("api", examples_dir=None)

    assert '{"text": "Hello"}' in codes(page)[0]
    assert "top_k=2" in codes(page)[0]
    assert "folder of your file" not in said(page)


def test_without_samples_the_example_names_some_picture(open_page: OpenPage) -> None:
    assert "@./picture.jpg" in codes(open_page("api", examples_dir=None))[0]


def test_without_a_model_there_is_nothing_to_write(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.routes = []

    page = open_page("api")

    assert not page.exception
    assert not codes(page)
    assert "no model yet" in said(page)


def test_the_page_stays_up_when_the_gateway_is_down(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.routes = [dict(DIGITS)]
    gateway.is_up = False

    page = open_page("api")

    assert not page.exception
    assert "does not answer since" in page.warning[0].value
