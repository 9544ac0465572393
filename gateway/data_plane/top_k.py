"""How many labels a caller wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.errors import InvalidParameter

_MOST_DIGITS: Final = 9


def read_top_k(asked: Sequence[str], most: int) -> int | None:
    """Read ?top_k=.

    Args:
        asked: As often as it was said; the last one counts.
        most: What the release answers.

    Returns:
        None where nobody said it.

    Raises:
        InvalidParameter: it is no number above 0, or there are not so many labels.
    """
    if not asked:
        return None
    text = asked[-1]
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS) or not int(text):
        raise InvalidParameter("top_k must be a whole number above 0")
    if int(text) > most:
        raise InvalidParameter(f"top_k is {text}; this release answers at most {most}")
    return int(text)
