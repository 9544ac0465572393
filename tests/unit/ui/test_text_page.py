"""The page with a model for texts, as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import DIGITS, SENTIMENT, FakeClock, FakeGateway, error_body
from ui.settings import UiSettings

OpenPage = Callable[..., AppTest]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(routes=[dict(SENTIMENT)])


@pytest.fixture
def samples(settings: UiSettings) -> Path:
    """Two samples for sentiment, the second of two lines."""
    assert settings.examples_dir is not None
    folder = settings.examples_dir / "sentiment" / "samples"
    folder.mkdir(parents=True)
    (folder / "1-joy.txt").write_text("What a day!\n")
    (folder / "2-rain.txt").write_text("It rains\n*again*.")
    return folder


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def classify(page: AppTest, text: str) -> None:
    page.text_area[0].input(text)
    [click] = [button for button in page.button if button.label == "Classify"]
    click.click().run()


def texts_sent(gateway: FakeGateway) -> list[str]:
    return [json.loads(request.content)["text"] for request in gateway.asked("/v1/predict")]


def markdown(page: AppTest) -> list[str]:
    return [element.value for element in page.markdown]


def test_the_page_asks_for_a_text_and_not_for_a_picture(open_page: OpenPage) -> None:
    page = open_page()

    assert not page.exception
    assert page.markdown[0].value == "Give it a text; a Triton ensemble answers."
    assert page.text_area[0].label == "Your text"
    assert not page.file_uploader
    assert "Write a text; the answer appears here." in captions(page)
    assert "picture" not in captions(page)


def test_a_text_is_classified_when_the_person_says_so(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    page = open_page()

    page.text_area[0].input("What a day!").run()
    assert texts_sent(gateway) == []
    classify(page, "What a day!")

    assert not page.exception
    assert texts_sent(gateway) == ["What a day!"]
    assert gateway.asked("/v1/predict")[0].url.path == "/v1/predict/sentiment"
    assert {metric.label: metric.value for metric in page.metric} == {
        "Prediction": "7",
        "Confidence": "93.1 %",
    }
    assert "“What a day!”" in markdown(page)
    assert len(page.table[0].value) == 5
    assert len(page.get("vega_lite_chart")) == 1
    assert "Only the first part" not in captions(page)


def test_a_rerun_asks_nothing_again_and_a_second_click_does(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    page = open_page()
    classify(page, "What a day!")

    page.run()
    assert len(texts_sent(gateway)) == 1
    classify(page, "What a day!")

    assert len(texts_sent(gateway)) == 2


def test_an_answer_stays_with_the_text_that_it_is_about(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    page = open_page()
    classify(page, "What a day!")

    page.text_area[0].input("Something else").run()

    assert "“What a day!”" in markdown(page)
    assert len(texts_sent(gateway)) == 1


def test_a_blank_text_is_nothing_to_ask_about(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page()

    classify(page, " \n ")

    assert not page.exception
    assert texts_sent(gateway) == []
    assert "Write a text" in captions(page)


@pytest.mark.usefixtures("samples")
def test_a_click_on_a_sample_writes_it_and_classifies_it(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    page = open_page()
    assert [button.label for button in page.button] == [
        "Classify",
        "“What a day!”",
        r"“It rains \*again\*.”",
    ]

    page.button(key="sample-2-rain.txt").click().run()

    assert texts_sent(gateway) == ["It rains\n*again*."]
    assert page.text_area[0].value == "It rains\n*again*."
    assert r"“It rains \*again\*.”" in markdown(page)


def test_a_sample_that_cannot_be_shown_is_left_out(open_page: OpenPage, samples: Path) -> None:
    (samples / "blank.txt").write_text(" \n")
    (samples / "book.txt").write_text("word " * 5000)
    (samples / "folder.txt").mkdir()
    (samples / "latin.txt").write_bytes(b"caf\xe9")
    (samples / "picture.png").write_bytes(b"a picture")

    page = open_page()

    assert not page.exception
    assert len(page.button) == 3


def test_a_truncated_text_is_answered_with_a_note(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.is_truncating = True
    page = open_page()

    classify(page, "word " * 1000)

    assert page.metric[0].value == "7"
    assert "Only the first part was read" in captions(page)


def test_a_refused_text_reads_in_plain_words(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page()
    for status, code, words in [
        (422, "text_too_large", "This text is too long"),
        (413, "payload_too_large", "This text is too long"),
        (422, "undecodable_text", "This text cannot be read"),
        (400, "malformed_json", "This text cannot be sent as it is"),
        (415, "unsupported_media_type", "This model takes something else now"),
    ]:
        gateway.refusal = (status, error_body(code))

        classify(page, "What a day!")

        assert page.error[0].proto.title == words
        assert "picture" not in page.error[0].value
        assert "Request id `req-9`" in page.error[0].value


def test_a_text_given_before_an_outage_is_answered_after_it(
    open_page: OpenPage, gateway: FakeGateway, clock: FakeClock
) -> None:
    page = open_page()
    gateway.refusal = (503, error_body("inference_unavailable"))
    classify(page, "What a day!")
    gateway.not_ready_reason = "The supervisor restarts a dead stub."
    clock.advance(2)
    page.run()
    assert "Your text is classified as soon as the service is ready." in captions(page)
    assert page.text_area[0].disabled

    gateway.refusal = gateway.not_ready_reason = None
    clock.advance(2)
    page.run()

    assert page.metric[0].value == "7"


def test_the_page_changes_its_input_with_the_model_and_keeps_what_was_classified(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.routes = [DIGITS, SENTIMENT]
    page = open_page()
    assert page.file_uploader

    page.selectbox[0].select("sentiment").run()
    assert not page.file_uploader
    classify(page, "What a day!")
    page.selectbox[0].select("digits").run()
    assert page.file_uploader
    assert not page.text_area
    assert "Give a picture" in captions(page)
    page.selectbox[0].select("sentiment").run()

    assert not page.exception
    assert page.text_area[0].value == "What a day!"
    assert page.metric[0].value == "7"
    assert texts_sent(gateway) == ["What a day!"]
