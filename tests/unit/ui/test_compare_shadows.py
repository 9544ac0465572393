"""The Compare page: a shadow beside whoever answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_compare import (
    CompareGateway,
    disagreement_body,
    opinion_body,
    report_body,
    share_body,
)
from tests.unit.ui.fake_gateway import DIGITS, FLOWERS, SENTIMENT, error_body
from ui.encoded_image import image_from_elsewhere

OpenPage = Callable[..., AppTest]
JPEG = b"\xff\xd8\xff and more"
SHADOW = {"release": "digits_r2", "percent": 12.5}


@pytest.fixture
def gateway() -> CompareGateway:
    gateway = CompareGateway()
    gateway.routes = [DIGITS | {"shadow": SHADOW}, FLOWERS | {"shadow": None}]
    return gateway


@pytest.fixture
def open_shadows(open_page: OpenPage) -> Callable[[], AppTest]:
    def open_tab() -> AppTest:
        page = open_page("compare")
        page.session_state["compare_tabs"] = "Shadows"
        return page.run()

    return open_tab


def captions(page: AppTest) -> list[str]:
    return [caption.value for caption in page.caption]


def markdown(page: AppTest) -> str:
    return "\n".join(it.value for it in page.markdown)


def test_agreement_is_told_with_its_interval(open_shadows: Callable[[], AppTest]) -> None:
    page = open_shadows()

    assert not page.exception
    assert "`digits_r2` gets copies of 12.5 % of the requests to **digits**" in markdown(page)
    assert {it.label: it.value for it in page.metric} == {
        "Same first label": "97.5 %",
        "Same first five": "91.7 %",
        "Only one answered": "0.2 %",
        "Shadow failed": "0.1 %",
        "Serving failed": "0.0 %",
    }
    assert "1,170 of 1,200; with 95 % certainty 96.5 % to 98.2 %" in captions(page)
    assert len(page.get("vega_lite_chart")) == 1
    table = page.table[0].value
    assert list(table["p50"]) == ["3.1 ms", "3.1 ms"]
    assert list(table["p99"]) == ["7.9 ms", "—"]
    assert any("4 copies were left out" in it for it in captions(page))


def test_the_gallery_shows_what_is_kept_and_what_both_said(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    gateway.items = {17: JPEG, 15: b"<svg onload=alert(1)>", 14: JPEG + bytes(3_000_000)}
    gateway.report["disagreements"] = [
        disagreement_body(17),
        disagreement_body(16),
        disagreement_body(15),
        disagreement_body(14),
        disagreement_body(
            13,
            has_item=False,
            serving=opinion_body("digits_r1", "a*b"),
            shadow=opinion_body("digits_r2", outcome="undecodable"),
        ),
        disagreement_body(12, shadow=opinion_body("digits_r2", outcome="*new*")),
    ]
    page = open_shadows()

    assert not page.exception
    (image,) = page.get("image")
    assert image.proto.imgs[0].alt == "The input of disagreement 17"
    text, said = markdown(page), "\n".join(captions(page))
    assert "`digits_r1` **7** 90.0 %" in text
    assert "`digits_r2` **1** 90.0 %" in text
    assert "`digits_r1` **a\\*b**" in text
    assert "`digits_r2` could not read it" in text
    assert "`digits_r2` `*new*`" in text
    assert said.count("The input cannot be had now.") == 2  # 16 and 12 are gone
    assert said.count("none that can be shown here") == 2
    assert said.count("The input itself was not kept.") == 1
    assert "10:30:00 · request `req-17`" in said


def test_texts_are_shown_as_texts(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    gateway.routes = [SENTIMENT | {"shadow": SHADOW}]
    gateway.items = {17: b"A *draw*.", 16: b"\xff\xfe"}
    page = open_shadows()

    assert not page.exception
    assert "“A \\*draw\\*.”" in markdown(page)


def test_the_gallery_keeps_still_until_somebody_wants_the_newer_ones(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    page = open_shadows()
    assert "request `req-17`" in "\n".join(captions(page))

    gateway.report["disagreements"] = [disagreement_body(18), disagreement_body(17)]
    page.run()
    assert "req-18" not in "\n".join(captions(page))
    (newer,) = (it for it in page.button if it.label == "Show 1 newer")
    newer.click().run()

    assert "req-18" in "\n".join(captions(page))
    assert not [it for it in page.button if "newer" in it.label]


def test_more_of_the_gallery_comes_on_demand(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    gateway.report["disagreements"] = [disagreement_body(number) for number in range(30, 10, -1)]
    page = open_shadows()
    assert len(gateway.asked("/v1/admin/shadows/digits/disagreements")) == 8

    (more,) = (it for it in page.button if it.label == "Show more (12 left)")
    more.click().run()

    assert "req-15" in "\n".join(captions(page))
    assert [it.label for it in page.button if "more" in it.label] == ["Show more (4 left)"]


def test_the_first_disagreements_hang_themselves(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    gateway.report = report_body(disagreements=[])
    page = open_shadows()
    assert "Nowhere so far." in captions(page)

    gateway.report = report_body()
    page.run()

    assert "req-17" in "\n".join(captions(page))


def test_before_anything_was_copied_there_are_no_numbers(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    gateway.report = report_body(
        pairs=0, top1_agreement=share_body(0, 0, 0, 1), disagreements=[], score_differences=[0] * 20
    )
    page = open_shadows()

    assert not page.metric
    assert "Nothing was asked of both yet" in page.info[0].value


def test_several_shadows_are_a_choice(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    gateway.routes[1] = FLOWERS | {"shadow": {"release": "flowers_r4", "percent": 100}}
    page = open_shadows()
    assert page.selectbox[0].options == ["digits", "flowers"]

    page.selectbox[0].select("flowers").run()

    assert not page.exception
    assert "requests to **flowers**" in markdown(page)
    assert gateway.asked("/v1/admin/shadows/flowers/report")


def test_a_shadow_that_is_taken_away_takes_its_gallery_along(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    page = open_shadows()
    assert page.subheader

    gateway.routes = [DIGITS]
    page.run()

    assert not page.exception
    assert page.info[0].proto.title == "No model has a shadow now"
    assert not page.subheader


def test_a_report_that_cannot_be_had_is_a_calm_notice(
    open_shadows: Callable[[], AppTest], gateway: CompareGateway
) -> None:
    gateway.report_refusal = (503, error_body("database_unavailable"))
    page = open_shadows()
    assert not page.exception
    assert len(page.error) == 1

    gateway.report_refusal = None
    page.run()

    assert not page.error
    assert page.metric


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"RIFF\x0a\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"<svg/>", None),
        (b"", None),
    ],
)
def test_bytes_are_taken_for_the_picture_that_they_begin_like(
    data: bytes, content_type: str | None
) -> None:
    image = image_from_elsewhere("item", data)
    assert (image.content_type if image else None) == content_type
