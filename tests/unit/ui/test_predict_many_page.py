"""Many pictures or texts on the page: a row for each, and nothing kept that is not needed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_answers import AnsweringGateway
from tests.unit.ui.fake_gateway import DIGITS, FLOWERS, SENTIMENT, FakeClock
from ui.session import HELD_UPLOADS, LAST_REQUEST
from ui.views.predict_many import BATCH

OpenPage = Callable[..., AppTest]
File = tuple[str, bytes, str]

JPEG = "image/jpeg"
FILES: list[File] = [
    ("a.jpg", b"one", JPEG),
    ("b.jpg", b"broken", JPEG),
    ("c.jpg", b"two", JPEG),
]


@pytest.fixture
def gateway() -> AnsweringGateway:
    return AnsweringGateway()


def give(page: AppTest, files: list[File]) -> AppTest:
    return page.file_uploader[0].set_value(files).run()


def click(page: AppTest, label: str) -> AppTest:
    [button] = [button for button in page.button if button.label == label]
    return button.click().run()


def rows(page: AppTest) -> list[tuple[str, str, str]]:
    told = page.dataframe[0].value
    errors = told["error"] if "error" in told else [""] * len(told)
    return list(zip(told["name"], told["label"], errors, strict=True))


def said(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.markdown, *page.caption])


def test_each_picture_has_a_row_and_a_broken_one_says_why(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    page = give(open_page(), FILES)

    assert not page.exception
    assert rows(page) == [
        ("a.jpg", "7", ""),
        ("b.jpg", "", "This file cannot be read as a picture"),
        ("c.jpg", "7", ""),
    ]
    told = page.dataframe[0].value
    assert told["request_id"][1] == "req-9"
    assert told["thumbnail"][0] == "data:image/jpeg;base64,b25l"
    assert "**2 answered, 1 failed**" in said(page)
    assert len(gateway.asked("/v1/predict/digits")) == 3
    assert len(page.get("download_button")) == 2


def test_once_all_is_answered_the_bytes_are_let_go_of(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    page = give(open_page(), FILES)

    assert page.file_uploader[0].value in (None, [])
    assert page.session_state[HELD_UPLOADS] == set()
    page.run()
    assert len(rows(page)) == 3
    assert len(gateway.asked("/v1/predict")) == 3


def test_a_single_picture_afterwards_takes_the_place_of_the_rows(open_page: OpenPage) -> None:
    page = give(open_page(), FILES)

    give(page, FILES[:1])

    assert not page.dataframe
    assert page.metric[0].value == "7"


def test_the_rows_are_filtered_by_words_and_by_failure(open_page: OpenPage) -> None:
    page = give(open_page(), FILES)

    page.toggle(key="many_only_failures").set_value(True).run()
    assert [name for name, *_ in rows(page)] == ["b.jpg"]
    page.toggle(key="many_only_failures").set_value(False).run()
    page.text_input(key="many_filter").input("C.JPG").run()
    assert [name for name, *_ in rows(page)] == ["c.jpg"]
    page.text_input(key="many_filter").input("nothing like this").run()
    assert rows(page) == []
    assert not page.exception


def test_a_limit_in_the_middle_passes(open_page: OpenPage, gateway: AnsweringGateway) -> None:
    gateway.limited, gateway.retry_after = 2, "1"

    page = give(open_page(), FILES)

    assert [label for _, label, _ in rows(page)] == ["7", "", "7"]
    assert len(gateway.asked("/v1/predict")) == 5


def test_what_may_go_better_is_kept_and_asked_again_on_demand(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    page = give(open_page(), [*FILES, ("d.jpg", b"away", JPEG)])
    assert rows(page)[3] == ("d.jpg", "", "The model could not answer")
    assert len(page.session_state[HELD_UPLOADS]) == 4
    asked = len(gateway.asked("/v1/predict"))

    click(page, "Ask about the 1 that are left")

    assert not page.exception
    assert len(rows(page)) == 4
    assert len(gateway.asked("/v1/predict")) == asked + 1


def test_whoever_stops_sees_what_there_is_and_may_go_on(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    page = give(open_page(), [*FILES, ("d.jpg", b"away", JPEG)])
    batch = page.session_state[BATCH]
    batch.is_stopped = True
    del batch.outcomes[0]
    page.run()
    assert len(rows(page)) == 3

    click(page, "Ask about the 2 that are left")

    assert [name for name, *_ in rows(page)] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert gateway.asked("/v1/predict")


def test_whoever_comes_back_without_the_files_is_told_what_is_missing(open_page: OpenPage) -> None:
    page = give(open_page(), [*FILES, ("d.jpg", b"away", JPEG)])

    page.file_uploader[0].set_value(None).run()

    assert len(rows(page)) == 4
    assert "1 were not answered" in said(page)


def test_an_outage_is_waited_for(
    open_page: OpenPage, gateway: AnsweringGateway, clock: FakeClock
) -> None:
    page = give(open_page(), [*FILES, ("d.jpg", b"away", JPEG)])
    gateway.not_ready_reason = "The supervisor restarts a dead stub."
    clock.advance(2)
    click(page, "Ask about the 1 that are left")
    assert "4 are classified as soon as the service is ready." in said(page)
    assert len(rows(page)) == 3

    gateway.not_ready_reason = None
    clock.advance(2)
    page.run()

    assert len(rows(page)) == 4


def test_another_model_for_pictures_leaves_the_rows_and_one_for_texts_does_not(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    gateway.routes = [DIGITS, FLOWERS, SENTIMENT]
    page = give(open_page(), FILES)

    page.selectbox[0].select("flowers").run()
    assert len(rows(page)) == 3
    page.selectbox[0].select("sentiment").run()

    assert not page.dataframe
    assert len(gateway.asked("/v1/predict")) == 3


def test_each_line_is_a_text_by_itself_if_asked(
    open_page: OpenPage, gateway: AnsweringGateway
) -> None:
    gateway.routes = [SENTIMENT]
    page = open_page()

    page.toggle(key="one_text_per_line").set_value(True)
    page.text_area[0].input("What a day!\n\n  \nIt rains.\n")
    click(page, "Classify")

    assert not page.exception
    assert rows(page) == [("What a day!", "7", ""), ("It rains.", "7", "")]
    assert "thumbnail" not in page.dataframe[0].value
    sent = [json.loads(request.content)["text"] for request in gateway.asked("/v1/predict")]
    assert sorted(sent) == ["It rains.", "What a day!"]
    page.run()
    assert len(gateway.asked("/v1/predict")) == 2


def test_a_single_line_is_a_single_text(open_page: OpenPage, gateway: AnsweringGateway) -> None:
    gateway.routes = [SENTIMENT]
    page = open_page()

    page.toggle(key="one_text_per_line").set_value(True)
    page.text_area[0].input("What a day!\n")
    click(page, "Classify")

    assert page.metric[0].value == "7"
    assert page.session_state[LAST_REQUEST].texts == ("What a day!",)
