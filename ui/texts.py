"""Everything the page says, from one catalogue per language in ui/catalogues/."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

CATALOGUES = Path(__file__).with_name("catalogues")

# By the name of its catalogue, each in its own words.
LANGUAGES = {"en": "English", "ko": "한국어"}
USUAL_LANGUAGE = "en"


class Texts:
    """The sentences of one language, by dotted name.

    Args:
        language: A name in LANGUAGES.
        sentences: Markdown or plain text, with `{fields}` for `str.format`.
    """

    def __init__(self, language: str, sentences: Mapping[str, str]) -> None:
        self.language = language
        self._sentences = sentences

    def __call__(self, name: str, /, **values: object) -> str:
        """One sentence with its fields filled in, as they are: escape what comes from elsewhere.

        Raises:
            KeyError: The catalogue has no such sentence, or it has a field that was not given.
        """
        return self._sentences[name].format(**values)

    def __contains__(self, name: str) -> bool:
        return name in self._sentences


@cache
def load_texts(language: str) -> Texts:
    """Read a catalogue; once per process."""
    with (CATALOGUES / f"{language}.toml").open("rb") as file:
        return Texts(language, dict(_flat(tomllib.load(file))))


def language_of(locale: str | None) -> str:
    """Pick the language for a browser's locale, such as `ko-KR`; English where there is none."""
    primary = (locale or "").replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else USUAL_LANGUAGE


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
