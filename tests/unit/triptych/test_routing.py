from __future__ import annotations

import pytest

from triptych.routing import ReleaseName, first_routes, is_alias


@pytest.mark.parametrize(
    ("text", "alias", "number"),
    [
        ("digits_r1", "digits", 1),
        ("digits_r10", "digits", 10),
        ("a_r999999999", "a", 999_999_999),
        ("street-signs-2_r3", "street-signs-2", 3),
        ("r_r2", "r", 2),
    ],
)
def test_a_release_name_is_read_and_written_the_same(text: str, alias: str, number: int) -> None:
    name = ReleaseName.parse(text)

    assert name == ReleaseName(alias, number)
    assert str(name) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "digits",
        "digits_r",
        "digits_r0",
        "digits_r01",
        "digits_r-1",
        "digits_r1_preprocess",
        "digits_r1 ",
        "digits_r1\n",
        "digits_R1",
        "Digits_r1",
        "di_gits_r1",
        "1digits_r1",
        "-digits_r1",
        "digits_r1_r2",
        "digits_r1234567890",
        "../digits_r1",
        "digits_r1\u0661",
        "_r1",
        "a" * 64 + "_r1",
    ],
)
def test_what_only_looks_like_a_release_name_is_none(text: str) -> None:
    assert ReleaseName.parse(text) is None


def test_a_step_is_named_after_its_release_and_the_ensemble_is_the_release() -> None:
    name = ReleaseName("digits", 3)

    assert name.step("preprocess") == "digits_r3_preprocess"
    assert name.step("") == "digits_r3"


def test_releases_are_ordered_by_number_not_by_text() -> None:
    names = [ReleaseName("digits", 10), ReleaseName("digits", 9), ReleaseName("cats", 11)]

    assert [str(name) for name in sorted(names)] == ["cats_r11", "digits_r9", "digits_r10"]


@pytest.mark.parametrize("text", ["digits", "street-signs-2", "a", "a" * 63])
def test_lower_case_words_with_hyphens_are_aliases(text: str) -> None:
    assert is_alias(text)


@pytest.mark.parametrize(
    "text",
    ["", "digits_r1", "di_gits", "Digits", "1digits", "-a", "a b", "a\n", "a/b", "ä", "a" * 64],
)
def test_nothing_that_reads_like_a_release_or_a_path_is_an_alias(text: str) -> None:
    assert not is_alias(text)


def test_an_alias_goes_to_its_first_release_whatever_order_they_are_found_in() -> None:
    cats, first, later = ReleaseName("cats", 4), ReleaseName("digits", 2), ReleaseName("digits", 10)

    assert first_routes([later, cats, first]) == {"digits": first, "cats": cats}
    assert first_routes([]) == {}
