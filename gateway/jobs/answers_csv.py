"""Answers as a table that a person opens in a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Final

_COLUMNS: Final = (
    "index",
    "name",
    "label",
    "score",
    "release",
    "truncated",
    "error_code",
    "error_message",
)
# With these a cell begins that a spreadsheet reckons out instead of showing it; the last four are
# those of the first that are as wide as a Hangul syllable.
_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class AnswerTable:
    """Writes one row per item; its columns are known before the first answer is.

    Args:
        labels: How many labels of each item to show, the best first.
    """

    def __init__(self, labels: int) -> None:
        self._more = range(2, labels + 1)
        self._columns = (
            *_COLUMNS,
            *(f"{what}_{rank}" for rank in self._more for what in ("label", "score")),
        )

    def header(self) -> bytes:
        """The first row."""
        return _written([self._columns])

    def rows(self, lines: bytes) -> bytes:
        """Rows of some answers, as JobResultRow has them."""
        return _written([self._row(json.loads(line)) for line in lines.splitlines()])

    def _row(self, answer: dict[str, Any]) -> list[object]:
        ranked = answer.get("predictions") or ()
        error = answer.get("error") or {}
        told = {
            "index": answer["index"],
            "name": _cell(answer.get("name")),
            "release": _cell(answer.get("release")),
            "truncated": "true" if answer.get("truncated") else "",
            "error_code": _cell(error.get("code")),
            "error_message": _cell(error.get("message")),
        }
        for rank, found in enumerate(ranked[: 1 + len(self._more)], start=1):
            behind = f"_{rank}" if rank > 1 else ""
            told[f"label{behind}"] = _cell(found["label"])
            told[f"score{behind}"] = found["score"]
        return [told.get(column, "") for column in self._columns]


def _cell(text: str | None) -> str:
    """Text from elsewhere for a spreadsheet: behind an apostrophe nothing is a formula."""
    if not text:
        return ""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_SIGNS) else text


def _written(rows: list[Any]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    # Names come out of archives: some hold what UTF-8 has no bytes for.
    return file.getvalue().encode(errors="replace")
