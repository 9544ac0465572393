from __future__ import annotations

import pytest

from ui import view_models
from ui.calls.predictions import Prediction, ScoredLabel
from ui.calls.routes import Arm, Route
from ui.texts import load_texts

ENGLISH = load_texts("en")

PREDICTION = Prediction(
    request_id="req-1",
    alias="digits",
    release="digits_r1",
    labels=(ScoredLabel("7", 0.9312), ScoredLabel("*_1_*", 0.0413)),
    gateway_ms=6.13,
    triton_ms=4.91,
)


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (1.0, "100.0 %"),
        (0.99951, "> 99.9 %"),
        (0.9312, "93.1 %"),
        (0.0005, "0.1 %"),
        (0.0001, "< 0.1 %"),
        (0.0, "0.0 %"),
    ],
)
def test_only_a_certain_answer_reads_as_certain(score: float, text: str) -> None:
    assert view_models.as_percent(score) == text


def test_the_headline_is_the_best_label_and_its_confidence() -> None:
    assert view_models.to_headline(PREDICTION) == view_models.Headline("7", "93.1 %")


def test_the_bars_are_in_percent_and_labels_stay_as_they_are() -> None:
    rows = view_models.to_chart_rows(PREDICTION)

    assert list(rows["label"]) == ["7", "*_1_*"]
    assert list(rows["percent"]) == pytest.approx([93.12, 4.13])
    assert list(rows["text"]) == ["93.1 %", "4.1 %"]


def test_the_table_has_label_and_score_and_no_markdown() -> None:
    rows = view_models.to_table_rows(PREDICTION, ENGLISH)

    assert list(rows.columns) == ["Label", "Score"]
    assert list(rows["Label"]) == ["7", r"\*\_1\_\*"]
    assert list(rows["Score"]) == ["0.9312", "0.0413"]


def test_the_caption_says_who_answered_and_how_fast() -> None:
    assert view_models.to_caption(PREDICTION, ENGLISH) == (
        "Release `digits_r1` · gateway 6.1 ms, of which Triton 4.9 ms · request `req-1`"
    )


@pytest.mark.parametrize(
    ("text", "shortened"),
    [
        ("one two", "one two"),
        ("one\n two\tthree", "one two …"),
        ("unbreakable-word", "unbreaka …"),
        (" \n", ""),
    ],
)
def test_a_long_text_is_cut_between_words_where_it_can_be(text: str, shortened: str) -> None:
    assert view_models.shorten(text, 9) == shortened


def test_the_excerpt_of_a_text_is_its_first_lines_and_no_markdown() -> None:
    assert view_models.to_excerpt("- *a*\n# b") == r"“\- \*a\* \# b”"
    assert len(view_models.to_excerpt("word " * 500)) < 300
    assert len(view_models.to_sample_label("word " * 500)) < 110


@pytest.mark.parametrize(
    ("arms", "caption"),
    [
        ((Arm("digits_r1", 100),), "Served by `digits_r1`"),
        ((Arm("digits_r1", 100), Arm("digits_r2", 0)), "Served by `digits_r1`"),
        ((Arm("digits_r1", 9), Arm("digits_r2", 1)), "Served by `digits_r1` 90%, `digits_r2` 10%"),
        ((), "No release takes its traffic now."),
    ],
)
def test_a_route_names_its_releases(arms: tuple[Arm, ...], caption: str) -> None:
    route = Route("digits", "image-classification", arms)

    assert view_models.to_route_caption(route, ENGLISH) == caption


def test_text_from_elsewhere_cannot_become_markdown() -> None:
    assert view_models.escape_markdown("<b>[x](y)\n:red") == r"\<b\>\[x\](y) \:red"
    assert view_models.as_code("a`b\nc") == "`a'b c`"


@pytest.mark.parametrize(
    ("written", "escaped"),
    [
        ("1. one", r"1\. one"),
        ("12) twelve", r"12\) twelve"),
        ("- dash", r"\- dash"),
        ("---", r"\---"),
        ("+", r"\+"),
        ("-5", "-5"),
        ("3.5 stars", "3.5 stars"),
    ],
)
def test_a_label_is_no_list(written: str, escaped: str) -> None:
    assert view_models.escape_markdown(written) == escaped


def test_a_name_does_not_turn_the_sentence_around_it() -> None:
    assert view_models.escape_markdown("cat\u202egpj.exe") == "catgpj.exe"
    assert view_models.as_code("\u2067cat\u2069") == "`cat`"
    assert view_models.escape_markdown("\u05d0\u200f!") == "\u05d0\u200f!"
