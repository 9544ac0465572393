"""The page as a person uses it; what it says when things go wrong is in test_page_in_trouble.py."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import DIGITS, FLOWERS, FakeGateway
from ui.settings import UiSettings

OpenPage = Callable[..., AppTest]


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def button_labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def test_the_page_says_what_it_does_and_that_all_is_well(open_page: OpenPage) -> None:
    page = open_page()

    assert not page.exception
    assert page.title[0].value == "Triptych"
    assert page.markdown[0].value == "Give it a picture; a Triton ensemble answers."
    assert "All systems ready" in captions(page)
    assert not page.warning
    assert "the answer appears here" in captions(page)


def test_a_click_on_a_sample_brings_the_answer(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page()

    page.button(key="sample-seven-blue-paper.jpg").click().run()

    assert not page.exception
    assert metrics(page) == {"Prediction": "7", "Confidence": "93.1 %"}
    table = page.table[0].value
    assert list(table["Label"]) == ["7", "1", "0", "2", "3"]
    assert list(table["Score"][:2]) == ["0.9312", "0.0413"]
    assert len(page.get("vega_lite_chart")) == 1
    assert "Release `digits_r1` · gateway 6.1 ms, of which Triton 4.9 ms · request `req-1`" in (
        captions(page)
    )
    assert gateway.asked("/v1/predict")[0].content == b"a seven"


def test_an_uploaded_picture_is_sent_as_it_is(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page()

    page.file_uploader[0].upload("holiday.webp", b"web picture").run()

    request = gateway.asked("/v1/predict/digits")[0]
    assert request.content == b"web picture"
    assert request.headers["Content-Type"] == "image/webp"
    assert metrics(page)["Prediction"] == "7"


def test_the_upload_states_its_limit(open_page: OpenPage) -> None:
    page = open_page(max_upload_megabytes=5)

    assert page.file_uploader[0].label == (
        "Upload a picture or several: JPEG, PNG or WebP, up to 5 MB each"
    )


def test_the_camera_waits_until_its_tab_is_opened(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    page = open_page()
    assert not page.camera_input

    page.session_state["input_tabs"] = ":material/photo_camera: Camera"
    page.run()
    page.camera_input[0].upload("photo.jpg", b"a photo").run()

    assert gateway.asked("/v1/predict")[0].content == b"a photo"
    assert metrics(page)["Prediction"] == "7"


def test_the_last_picture_given_wins(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page()

    page.file_uploader[0].upload("holiday.jpg", b"first").run()
    page.button(key="sample-one-napkin.png").click().run()
    page.file_uploader[0].upload("holiday.jpg", b"third").run()

    sent = [request.content for request in gateway.asked("/v1/predict")]
    assert sent == [b"first", b"a one", b"third"]


def test_a_picture_that_was_taken_back_is_no_longer_shown(open_page: OpenPage) -> None:
    page = open_page()
    page.file_uploader[0].upload("holiday.jpg", b"first").run()

    page.file_uploader[0].set_value(None).run()

    assert not page.metric
    assert "Give a picture" in captions(page)


def test_a_rerun_asks_nothing_again(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page()
    page.button(key="sample-one-napkin.png").click().run()

    page.run()
    page.run()

    assert metrics(page)["Prediction"] == "7"
    assert len(gateway.asked("/v1/predict")) == 1


def test_a_second_click_on_a_sample_asks_again(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page()

    page.button(key="sample-one-napkin.png").click().run()
    page.button(key="sample-one-napkin.png").click().run()

    assert len(gateway.asked("/v1/predict")) == 2
    assert "request `req-2`" in captions(page)


def test_the_slider_asks_for_as_many_labels(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page()
    page.button(key="sample-one-napkin.png").click().run()

    page.sidebar.slider[0].set_value(10).run()

    assert [r.url.params["top_k"] for r in gateway.asked("/v1/predict")] == ["5", "10"]
    assert len(page.table[0].value) == 10


def test_a_model_is_asked_for_no_more_labels_than_it_has(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    gateway.routes = [DIGITS | {"top_k": 3}]
    page = open_page()

    page.button(key="sample-one-napkin.png").click().run()

    assert gateway.asked("/v1/predict")[0].url.params["top_k"] == "3"


def test_the_only_model_is_named_and_not_a_choice(open_page: OpenPage) -> None:
    page = open_page()

    assert not page.selectbox
    assert page.sidebar.markdown[0].value == "**Model**: digits"
    assert page.sidebar.caption[0].value == "Served by `digits_r1`"


def test_several_models_are_a_choice(open_page: OpenPage, gateway: FakeGateway) -> None:
    gateway.routes = [DIGITS, FLOWERS]
    page = open_page()
    assert page.selectbox[0].options == ["digits", "flowers"]

    page.selectbox[0].select("flowers").run()
    page.file_uploader[0].upload("rose.png", b"a rose").run()

    assert page.sidebar.caption[0].value == "Served by `flowers_r3` 90%, `flowers_r4` 10%"
    assert len(gateway.asked("/v1/predict/flowers")) == 1


def test_without_an_examples_folder_there_is_no_gallery(open_page: OpenPage) -> None:
    page = open_page(examples_dir=None)

    assert not page.exception
    assert button_labels(page) == []
    assert [tab.label for tab in page.tabs] == [
        ":material/upload: Upload",
        ":material/photo_camera: Camera",
    ]


def test_a_sample_that_cannot_be_read_is_left_out(
    open_page: OpenPage, settings: UiSettings
) -> None:
    assert settings.examples_dir is not None
    (settings.examples_dir / "digits" / "samples" / "folder.png").mkdir()

    assert "Classify folder.png" not in button_labels(open_page())


def test_each_sample_has_a_button_that_names_it(open_page: OpenPage) -> None:
    assert button_labels(open_page()) == [
        "Classify one-napkin.png",
        "Classify seven-blue-paper.jpg",
    ]
