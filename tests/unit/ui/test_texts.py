"""The catalogues: both languages say the same things, and nothing is said that is nowhere shown."""

from __future__ import annotations

import ast
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ui.texts import CATALOGUES, LANGUAGES, language_of, load_texts

UI = CATALOGUES.parent
# Looked up by names that are put together: by code, status, page, task.
FAMILIES = ("refusal.", "problem.", "task.", "page.")


def flat(table: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            assert isinstance(value, str)
            yield f"{prefix}{name}", value


def catalogue(language: str) -> dict[str, str]:
    return dict(flat(tomllib.loads((CATALOGUES / f"{language}.toml").read_text("utf-8"))))


def fields(sentence: str) -> list[tuple[str, str | None]]:
    return sorted((name, form) for _, name, form, _ in string.Formatter().parse(sentence) if name)


def named_in_code() -> set[str]:
    """Every string of the room's code that looks like a sentence's name."""
    found: set[str] = set()
    for file in UI.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_each_language_has_a_catalogue_and_each_catalogue_a_language() -> None:
    assert {file.stem for file in CATALOGUES.glob("*.toml")} == set(LANGUAGES)


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_the_languages_say_the_same_things(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)

    assert english.keys() == other.keys()
    for name, sentence in english.items():
        assert fields(sentence) == fields(other[name]), name
        assert other[name].strip(), name


def test_every_sentence_is_shown_somewhere() -> None:
    code = named_in_code()
    unused = [name for name in catalogue("en") if name not in code]

    assert [name for name in unused if not name.startswith(FAMILIES)] == []


def test_every_sentence_that_the_code_names_is_there() -> None:
    english = catalogue("en")
    tables = {name.split(".")[0] for name in english}
    called = {
        node.args[0].value
        for file in UI.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
        and node.args[0].value.split(".")[0] in tables
        and "texts" in ast.unparse(node.func)
    }

    assert called
    assert sorted(called - english.keys()) == []


@pytest.mark.parametrize(
    ("locale", "language"),
    [("ko-KR", "ko"), ("ko", "ko"), ("en-GB", "en"), ("de-DE", "en"), ("", "en"), (None, "en")],
)
def test_the_language_follows_the_browser(locale: str | None, language: str) -> None:
    assert language_of(locale) == language


def test_a_sentence_is_filled_in() -> None:
    assert load_texts("en")("model.served_by", shares="all") == "Served by all"
    with pytest.raises(KeyError):
        load_texts("en")("nothing.like.this")


def test_every_code_with_words_of_its_own_is_the_gateways() -> None:
    errors = (Path(__file__).parents[3] / "docs" / "errors.md").read_text("utf-8")
    for name in catalogue("en"):
        parts = name.split(".")
        if parts[0] == "refusal" and parts[1].endswith("code") and len(parts) == 4:
            assert f"`{parts[2]}`" in errors, name
