"""The page when the service is away or says no: it stays up, in plain words, and heals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import FakeClock, FakeGateway, error_body

OpenPage = Callable[..., AppTest]

SAMPLE_BUTTON = "sample-seven-blue-paper.jpg"

REFUSALS = [
    (422, "undecodable_image", "This file cannot be read as a picture"),
    (422, "image_too_large", "This picture has too many pixels"),
    (413, "payload_too_large", "This file is too large"),
    (415, "unsupported_image_format", "This format is not supported"),
    (415, "unsupported_media_type", "This model takes something else now"),
    (400, "invalid_parameter", "move “Labels to show” down"),
    (401, "unknown_api_key", "does not know this API key"),
    (403, "scope_missing", "may not use this model"),
    (404, "unknown_alias", "This model is not there any more"),
    (429, "too_many_requests", "The service is busy"),
    (502, "inference_failed", "The model could not answer"),
    (503, "inference_unavailable", "The service is not ready"),
    (504, "inference_timeout", "The answer took too long"),
]


def notice(page: AppTest) -> str:
    """Title and body of the one error on the page."""
    assert len(page.error) == 1
    return f"{page.error[0].proto.title}\n{page.error[0].value}"


def banner(page: AppTest) -> str:
    """Title and body of the one banner on the page."""
    assert len(page.warning) == 1
    return f"{page.warning[0].proto.title}\n{page.warning[0].value}"


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def test_the_page_stays_up_when_the_gateway_is_down(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.is_up = False

    page = open_page()

    assert not page.exception
    assert page.title[0].value == "Triptych"
    assert banner(page) == (
        "Predictions are paused\n"
        "The gateway at `http://gateway:8080` does not answer since 10:32:05. "
        "This page tries again every 2 seconds by itself."
    )
    assert page.file_uploader[0].disabled
    assert "as soon as the service is ready" in captions(page)


def test_the_banner_keeps_the_time_at_which_the_gateway_went_away(
    open_page: OpenPage, gateway: FakeGateway, clock: FakeClock
) -> None:
    gateway.is_up = False
    page = open_page()

    clock.advance(300)
    page.run()

    assert "does not answer since 10:32:05." in banner(page)


def test_the_page_heals_when_the_gateway_comes_back(
    open_page: OpenPage, gateway: FakeGateway, clock: FakeClock
) -> None:
    gateway.is_up = False
    page = open_page()

    gateway.is_up = True
    clock.advance(2)
    page.run()

    assert not page.warning
    assert "All systems ready" in captions(page)
    page.button(key=SAMPLE_BUTTON).click().run()
    assert page.metric[0].value == "7"


def test_the_banner_draws_the_whole_page_anew_when_the_service_changed(
    open_page: OpenPage, gateway: FakeGateway, clock: FakeClock
) -> None:
    # The page itself sees no gateway; the banner looks a moment later, and sees one.
    gateway.refused_connections = 1
    clock.step_seconds = 2

    page = open_page()

    assert not page.exception
    assert "All systems ready" in captions(page)
    assert not page.button(key=SAMPLE_BUTTON).disabled


def test_the_banner_says_since_when_and_why_triton_is_not_ready(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.not_ready_reason = "The supervisor restarts a dead stub."

    page = open_page()

    assert banner(page) == (
        "Predictions are paused\n"
        "Triton is not ready since 10:00:00: The supervisor restarts a dead stub. "
        "This page tries again every 2 seconds by itself."
    )
    assert page.button(key=SAMPLE_BUTTON).disabled


def test_a_picture_given_before_an_outage_is_answered_after_it(
    open_page: OpenPage, gateway: FakeGateway, clock: FakeClock
) -> None:
    page = open_page()
    gateway.refusal = (503, error_body("inference_unavailable"))
    page.button(key=SAMPLE_BUTTON).click().run()
    gateway.not_ready_reason = "The supervisor restarts a dead stub."
    clock.advance(2)
    page.run()
    assert "seven-blue-paper.jpg is classified as soon as" in captions(page)

    gateway.refusal = gateway.not_ready_reason = None
    clock.advance(2)
    page.run()

    assert page.metric[0].value == "7"


def test_a_missing_key_file_is_a_banner_and_no_crash(open_page: OpenPage) -> None:
    page = open_page(api_key_file=Path("/nowhere/key"))

    assert not page.exception
    assert "This page has no API key" in banner(page)
    assert "`/nowhere/key` is missing or holds no usable key" in banner(page)
    assert page.file_uploader[0].disabled


def test_a_refused_key_is_a_banner_with_the_request_id(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.routes_refusal = (401, error_body("unknown_api_key"))

    page = open_page()

    assert "The service does not know this API key" in banner(page)
    assert "Request id `req-9`" in banner(page)


def test_a_service_without_models_is_explained(open_page: OpenPage, gateway: FakeGateway) -> None:
    gateway.routes = []

    page = open_page()

    assert not page.exception
    assert "it has no model for pictures or texts yet" in captions(page)
    assert page.file_uploader[0].disabled


def test_each_refusal_reads_in_plain_words_with_its_request_id(
    open_page: OpenPage, gateway: FakeGateway, clock: FakeClock
) -> None:
    # One page for all of them: opening one costs more than all the clicks.
    page = open_page()
    for status, code, words in REFUSALS:
        gateway.refusal = (status, error_body(code))
        clock.advance(61)  # a rate limit pauses the page for as long as it says

        page.button(key=SAMPLE_BUTTON).click().run()

        assert not page.exception
        assert words in notice(page)
        assert "Request id `req-9`" in notice(page)
        assert not page.metric


def test_a_rate_limit_has_a_banner_of_its_own_until_it_is_over(
    open_page: OpenPage, gateway: FakeGateway, clock: FakeClock
) -> None:
    page = open_page()
    gateway.refusal = (429, error_body("too_many_requests"))
    page.button(key=SAMPLE_BUTTON).click().run()
    page.run()
    during = banner(page)

    gateway.refusal = None
    clock.advance(61)
    page.run()

    assert "10:32:05" in during
    assert len(gateway.asked("/v1/predict")) == 2
    assert not page.warning
    assert page.metric[0].value == "7"


def test_a_passing_refusal_can_be_tried_again(open_page: OpenPage, gateway: FakeGateway) -> None:
    gateway.refusal = (503, error_body("inference_unavailable"))
    page = open_page()
    page.button(key=SAMPLE_BUTTON).click().run()

    gateway.refusal = None
    [again] = [button for button in page.button if button.label == "Try again"]
    again.click().run()

    assert not page.error
    assert page.metric[0].value == "7"


def test_a_lasting_refusal_is_not_asked_for_again(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.refusal = (422, error_body("undecodable_image"))
    page = open_page()
    page.button(key=SAMPLE_BUTTON).click().run()

    page.run()

    assert len(gateway.asked("/v1/predict")) == 1
    assert "cannot be read as a picture" in notice(page)
    assert "Try again" not in [button.label for button in page.button]


def test_a_gateway_that_dies_under_a_prediction_is_an_error_and_no_crash(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    page = open_page()
    gateway.is_up = False

    page.button(key=SAMPLE_BUTTON).click().run()

    assert not page.exception
    assert "The gateway does not answer" in notice(page)


def test_the_key_is_nowhere_on_the_page(open_page: OpenPage, gateway: FakeGateway) -> None:
    gateway.refusal = (401, error_body("unknown_api_key"))
    page = open_page()

    page.button(key=SAMPLE_BUTTON).click().run()

    assert "tp_very_secret" not in str(page.main) + str(page.sidebar)
    assert "tp_very_secret" not in str(page.session_state.to_dict())
