"""What the page tells of one answer beside the answer: who gave it, where its time went."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_answers import AnsweringGateway
from tests.unit.ui.fake_gateway import error_body

OpenPage = Callable[..., AppTest]


@pytest.fixture
def gateway() -> AnsweringGateway:
    return AnsweringGateway()


def classify(page: AppTest) -> AppTest:
    return page.button(key="sample-one-napkin.png").click().run()


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def test_the_answer_tells_its_arm_and_what_has_answered(open_page: OpenPage) -> None:
    page = classify(open_page())

    assert (
        "Arm `canary` · route revision `3` · version `1.4.0` · model `0d1c3a5be77f` · on `cpu`"
    ) in captions(page)
    assert len(page.get("download_button")) == 2


def test_the_picture_stands_above_what_the_model_saw_of_it(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    page = classify(open_page())

    assert len(gateway.asked("/v1/preview/digits")) == 1
    assert "As `digits_r1` saw it" in captions(page)


def test_a_key_that_may_not_trace_sees_the_times_of_the_headers(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    page = classify(open_page())

    assert len(page.get("vega_lite_chart")) == 2
    assert "From the answer's headers" in captions(page)
    assert "X-Trace" not in gateway.asked("/v1/predict")[0].headers
    assert not gateway.asked("/v1/requests")


@pytest.mark.parametrize("scopes", [["admin"], ["predict", "metrics"]])
def test_a_key_that_may_trace_sees_every_step(
    open_page: OpenPage, gateway: AnsweringGateway, scopes: list[str]
) -> None:
    gateway.scopes = scopes

    page = classify(open_page())
    page.run()

    assert gateway.asked("/v1/predict")[0].headers["X-Trace"] == "1"
    [asked] = gateway.asked("/v1/requests")
    assert asked.url.path == "/v1/requests/req-1/waterfall"
    assert "Measured by a trace of this very request." in captions(page)


def test_a_trace_without_bars_draws_none(open_page: OpenPage, gateway: AnsweringGateway) -> None:
    gateway.scopes = ["admin"]
    gateway.trace = {"triton": "none", "clock_shift_ms": 0.0, "bars": []}

    page = classify(open_page())

    assert not page.exception
    assert "Not all of the times inside Triton" in captions(page)


def test_without_its_trace_the_headers_have_to_do(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    gateway.scopes = ["admin"]
    gateway.trace_refusal = (404, error_body("unknown_request"))

    page = classify(open_page())

    assert not page.exception
    assert page.metric[0].value == "7"
    assert "From the answer's headers" in captions(page)
