"""Signing in: the key stays in the session, and the page shows what it may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import FakeClock, FakeGateway, error_body
from ui.services import build_services
from ui.session import HELD_UPLOADS
from ui.settings import UiSettings

KEY = "tri_a_persons_own_key"
OpenFrame = Callable[..., AppTest]


def frame_script(services: object) -> None:
    # AppTest runs the text of this function alone, so its imports have to be inside.
    from ui.frame import run_page  # noqa: PLC0415 - AppTest runs the function alone
    from ui.services import Services  # noqa: PLC0415 - as above

    assert isinstance(services, Services)
    run_page(services)


@pytest.fixture
def open_frame(settings: UiSettings, gateway: FakeGateway, clock: FakeClock) -> Iterator[OpenFrame]:
    services = build_services(replace(settings), transport=httpx.MockTransport(gateway), now=clock)

    def open_it(locale: str = "en-GB") -> AppTest:
        page = AppTest.from_function(frame_script, args=(services,), default_timeout=10)
        page.context = {"timezone_offset": -120, "locale": locale}
        return page.run()

    yield open_it
    services.http.close()


def sign_in(page: AppTest, key: str = KEY) -> AppTest:
    page.text_input(key="sign_in_written").input(key)
    return page.button[-1].click().run()


def said(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.caption, *page.error])


def test_whoever_has_not_signed_in_uses_the_pages_own_key(
    open_frame: OpenFrame, gateway: FakeGateway
) -> None:
    page = open_frame()

    assert not page.exception
    assert "Using this page's own key" in said(page)
    keys = {request.headers.get("Authorization") for request in gateway.asked("/v1/")}
    assert keys == {"Bearer tp_very_secret"}


def test_a_key_of_ones_own_is_used_from_then_on_and_kept_out_of_sight(
    open_frame: OpenFrame, gateway: FakeGateway
) -> None:
    page = sign_in(open_frame())
    gateway.requests.clear()
    page.button(key="sample-seven-blue-paper.jpg").click().run()

    assert "Signed in as this page" in said(page)
    assert gateway.asked("/v1/predict")[0].headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in str(page.main) + str(page.sidebar)
    assert KEY not in str(page.query_params)


@pytest.mark.parametrize("key", ["", "two words", "schlüssel"])
def test_what_cannot_be_a_key_is_not_sent(
    open_frame: OpenFrame, gateway: FakeGateway, key: str
) -> None:
    page = open_frame()
    gateway.requests.clear()

    sign_in(page, key)

    assert "No API key looks like this" in said(page)
    assert all(
        request.headers.get("Authorization") in {None, "Bearer tp_very_secret"}
        for request in gateway.requests
    )


def test_a_key_that_nobody_knows_signs_nobody_in(
    open_frame: OpenFrame, gateway: FakeGateway
) -> None:
    page = open_frame()
    gateway.key_refusal = (401, error_body("unknown_api_key"))

    sign_in(page)

    assert "does not know this key" in said(page)
    assert "Using this page's own key" in said(page)


def test_a_gateway_that_is_away_is_not_the_keys_fault(
    open_frame: OpenFrame, gateway: FakeGateway
) -> None:
    page = open_frame()
    gateway.is_up = False

    sign_in(page)

    assert "could not be asked about this key" in said(page)


def test_signing_out_forgets_the_key(open_frame: OpenFrame, gateway: FakeGateway) -> None:
    page = sign_in(open_frame())

    page.button[-1].click().run()

    assert "Using this page's own key" in said(page)
    gateway.requests.clear()
    page.button(key="sample-seven-blue-paper.jpg").click().run()
    assert gateway.asked("/v1/predict")[0].headers["Authorization"] == "Bearer tp_very_secret"


def test_the_language_follows_the_browser_and_can_be_switched(open_frame: OpenFrame) -> None:
    page = open_frame("ko-KR")
    assert "모든 시스템 준비됨" in said(page)

    page.selectbox(key="session_language").select("en").run()

    assert "All systems ready" in said(page)


def test_a_refusal_follows_the_language_without_being_asked_for_again(
    open_frame: OpenFrame, gateway: FakeGateway
) -> None:
    gateway.refusal = (422, error_body("undecodable_image"))
    page = open_frame()
    page.button(key="sample-seven-blue-paper.jpg").click().run()
    assert page.error[0].proto.title == "This file cannot be read as a picture"
    asked = len(gateway.asked("/v1/predict"))

    page.selectbox(key="session_language").select("ko").run()

    assert page.error[0].proto.title == "이 파일을 사진으로 읽을 수 없습니다"
    assert len(gateway.asked("/v1/predict")) == asked


def test_a_refusal_that_is_kept_keeps_neither_bytes_nor_key(
    open_frame: OpenFrame, gateway: FakeGateway
) -> None:
    gateway.refusal = (422, error_body("undecodable_image"))
    page = open_frame()

    page.button(key="sample-seven-blue-paper.jpg").click().run()

    assert page.session_state["answer"].outcome.__traceback__ is None


def test_a_key_that_is_revoked_meanwhile_is_not_called_the_pages_own(
    open_frame: OpenFrame, gateway: FakeGateway, clock: FakeClock
) -> None:
    page = sign_in(open_frame())
    gateway.key_refusal = (401, error_body("unknown_api_key"))
    clock.advance(11)

    page.run()

    assert page.warning[0].proto.title == "The service does not know this API key"
    assert "If it is yours, sign out" in page.warning[0].value


def test_the_next_person_gets_other_fields_and_the_files_of_the_last_one_are_known(
    open_frame: OpenFrame,
) -> None:
    page = sign_in(open_frame())
    page.file_uploader[0].upload("holiday.webp", b"web picture").run()
    assert len(page.session_state[HELD_UPLOADS]) == 1

    page.button[-1].click().run()

    assert page.file_uploader[0].key == "upload-0-of-2"
    assert page.session_state[HELD_UPLOADS] == set()
    assert "Using this page's own key" in said(page)
