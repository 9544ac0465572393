"""The Compare page: releases side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_compare import CompareGateway, release_body
from tests.unit.ui.fake_gateway import FakeClock, error_body
from ui.calls.identity import Identity
from ui.calls.live_releases import may_name_releases
from ui.views.compare_releases import COMPARISON

OpenPage = Callable[..., AppTest]


@pytest.fixture
def gateway() -> CompareGateway:
    return CompareGateway()


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def compare_a_sample(page: AppTest) -> AppTest:
    page.selectbox(key="compare_sample_digits").select("one-napkin.png").run()
    return page.button[0].click().run()


def test_nothing_is_asked_before_there_is_something_to_ask(
    open_page: OpenPage, gateway: CompareGateway
) -> None:
    page = open_page("compare")

    assert not page.exception
    assert page.title[0].value == "Compare"
    assert page.multiselect[0].value == ["digits_r1", "digits_r2"]
    assert page.button[0].disabled
    assert "Give something to compare" in captions(page)
    assert not gateway.asked("/v1/predict")


def test_two_releases_answer_side_by_side(open_page: OpenPage, gateway: CompareGateway) -> None:
    gateway.firsts["digits_r2"] = "9"
    page = compare_a_sample(open_page("compare"))

    assert not page.exception
    assert [it.value for it in page.subheader] == ["7", "9"]
    assert page.warning[0].value == "They do not agree."
    text = captions(page)
    assert "Gateway 6.1 ms, of which Triton 4.9 ms · request `req-digits_r1`" in text
    assert "request `req-digits_r2`" in text
    assert "As `digits_r2` saw it" in text
    assert len(page.get("image")) == 3  # the picture as it was given, and as each saw it
    table = page.table[0].value
    assert list(table["Label"]) == ["7", "1", "4\\*", "9"]
    assert list(table["digits\\_r1"]) == ["0.9000", "0.0800", "0.0200", "—"]
    assert list(table["digits\\_r2 − first"]) == ["—", "+0.0000", "+0.0000", "—"]  # noqa: RUF001 - a minus
    assert len(page.get("vega_lite_chart")) == 1
    asked = gateway.asked("/v1/predict")
    assert sorted(it.url.path for it in asked) == ["/v1/predict/digits_r1", "/v1/predict/digits_r2"]
    assert {it.content for it in asked} == {b"a one"}


def test_releases_that_agree_are_said_to(open_page: OpenPage) -> None:
    page = compare_a_sample(open_page("compare"))

    assert page.success[0].value == "All say **7**."
    assert not page.warning


def test_a_rerun_asks_nothing_again_but_another_input_does(
    open_page: OpenPage, gateway: CompareGateway
) -> None:
    page = compare_a_sample(open_page("compare")).run()
    assert len(gateway.asked("/v1/predict")) == 2
    assert len(page.subheader) == 2

    page.file_uploader[0].upload("holiday.webp", b"web picture").run()
    assert "Press “Compare”" in captions(page)
    page.button[0].click().run()

    assert gateway.asked("/v1/predict")[-1].content == b"web picture"
    assert len(gateway.asked("/v1/predict")) == 4


def test_what_one_release_cannot_do_is_told_in_its_own_column(
    open_page: OpenPage, gateway: CompareGateway
) -> None:
    gateway.refusals["digits_r2"] = (503, error_body("inference_unavailable"))
    gateway.preview_refusals["digits_r1"] = (503, error_body("overloaded"))
    page = compare_a_sample(open_page("compare"))

    assert not page.exception
    assert [it.value for it in page.subheader] == ["7"]
    assert "req-9" in page.error[0].value
    assert "No picture of what the model saw: The service is busy" in captions(page)
    assert list(page.table[0].value.columns) == ["Label", "digits\\_r1"]
    assert not gateway.asked("/v1/preview/digits_r2")


def test_where_nobody_answers_there_is_no_table(
    open_page: OpenPage, gateway: CompareGateway
) -> None:
    for release in ("digits_r1", "digits_r2"):
        gateway.refusals[release] = (422, error_body("undecodable_image"))
    page = compare_a_sample(open_page("compare"))

    assert [it.proto.title for it in page.error] == ["This file cannot be read as a picture"] * 2
    assert not page.table
    kept = [side.answer for side in page.session_state[COMPARISON].sides]
    assert [problem.__traceback__ for problem in kept] == [None, None]


def test_a_rate_limit_pauses_the_button(open_page: OpenPage, gateway: CompareGateway) -> None:
    gateway.refusals["digits_r2"] = (429, error_body("rate_limited"))
    page = compare_a_sample(open_page("compare")).run()

    assert page.button[0].disabled


def test_fewer_than_two_releases_chosen_are_not_compared(open_page: OpenPage) -> None:
    page = open_page("compare")
    page.multiselect[0].set_value(["digits_r2"]).run()

    assert page.button[0].disabled
    assert "Choose two releases or more." in captions(page)


def test_a_text_is_compared_too(
    open_page: OpenPage, gateway: CompareGateway, tmp_path: Path
) -> None:
    gateway.releases += [
        release_body(f"topics_r{number}", task="text-classification") for number in (1, 2)
    ]
    samples = tmp_path / "examples" / "topics" / "samples"
    samples.mkdir(parents=True)
    (samples / "draw.txt").write_text("The match ended in a draw.")
    page = open_page("compare")
    page.radio[0].set_value("text-classification").run()
    assert page.multiselect[0].value == ["topics_r1", "topics_r2"]

    page.selectbox(key="compare_sample_text_topics").select("draw.txt").run()
    page.button[0].click().run()
    assert gateway.asked("/v1/predict")[0].content == b'{"text": "The match ended in a draw."}'
    page.text_area[0].input("Shares fell.").run()
    page.button[0].click().run()

    assert not page.exception
    assert gateway.asked("/v1/predict")[-1].content == b'{"text": "Shares fell."}'
    assert not gateway.asked("/v1/preview")
    assert "“Shares fell.”" in [it.value for it in page.markdown]


def test_too_few_releases_are_waited_for(
    open_page: OpenPage, gateway: CompareGateway, clock: FakeClock
) -> None:
    gateway.releases = [release_body("digits_r1"), release_body("digits_r2", "loading")]
    page = open_page("compare")
    assert page.info[0].proto.title == "There is nothing to compare yet"

    gateway.releases = [release_body("digits_r1"), release_body("digits_r2")]
    clock.advance(11)
    page.run()

    assert page.multiselect[0].options == ["digits_r1", "digits_r2"]


def test_a_gateway_that_tells_no_releases_is_a_calm_notice_that_heals(
    open_page: OpenPage, gateway: CompareGateway
) -> None:
    gateway.releases_refusal = (503, error_body("inference_unavailable"))
    page = open_page("compare")
    assert not page.exception
    assert page.error[0].proto.title == "The service is not ready"

    gateway.releases_refusal = None
    assert open_page("compare").multiselect


def test_a_hiccup_takes_nothing_away(
    open_page: OpenPage, gateway: CompareGateway, clock: FakeClock
) -> None:
    page = compare_a_sample(open_page("compare"))
    gateway.releases_refusal = (503, error_body("inference_unavailable"))
    clock.advance(11)
    page.run()

    assert page.multiselect[0].value == ["digits_r1", "digits_r2"]
    assert len(page.subheader) == 2


def test_a_release_that_was_unloaded_is_no_choice_any_more(
    open_page: OpenPage, gateway: CompareGateway, clock: FakeClock
) -> None:
    gateway.releases.append(release_body("flowers_r1"))
    page = open_page("compare")
    page.multiselect[0].set_value(["digits_r2", "digits_r1"]).run()

    gateway.releases.remove(release_body("digits_r2"))
    clock.advance(11)
    page.run()

    assert not page.exception
    assert page.multiselect[0].options == ["digits_r1", "flowers_r1"]
    assert page.multiselect[0].value == ["digits_r1"]


def test_a_key_that_names_releases_compares_those_and_sees_no_shadows(
    open_page: OpenPage, gateway: CompareGateway
) -> None:
    gateway.scopes = ["predict"]
    gateway.allowed = ["digits", "digits_r1", "digits_r2", "digits_r3"]
    gateway.model_refusals["digits_r3"] = (404, {"error": "no such model"})
    page = open_page("compare")

    assert page.multiselect[0].options == ["digits_r1", "digits_r2"]
    assert not page.tabs
    assert not gateway.asked("/v1/admin")


def test_a_key_that_cannot_ask_now_is_told(open_page: OpenPage, gateway: CompareGateway) -> None:
    gateway.scopes, gateway.allowed = ["predict"], ["digits_r1", "digits_r2"]
    gateway.model_refusals["digits_r2"] = (429, {"error": "too much"})

    assert open_page("compare").error[0].proto.title


def test_an_operator_compares_only_what_the_key_is_allowed(
    open_page: OpenPage, gateway: CompareGateway
) -> None:
    gateway.releases.append(release_body("digits_r3"))
    gateway.allowed = ["digits_r1", "digits_r3"]

    assert open_page("compare").multiselect[0].options == ["digits_r1", "digits_r3"]


@pytest.mark.parametrize(
    ("scopes", "allowed", "may"),
    [
        ({"admin"}, None, True),
        ({"admin"}, {"digits"}, False),
        ({"predict"}, None, False),
        ({"predict"}, {"digits", "digits_r2"}, True),
        ({"metrics"}, {"digits_r2"}, False),
    ],
)
def test_who_may_name_releases_sees_the_page(
    scopes: set[str], allowed: set[str] | None, may: bool
) -> None:
    names = None if allowed is None else frozenset(allowed)
    assert may_name_releases(Identity("id", "name", frozenset(scopes), names)) is may
    assert not may_name_releases(None)
