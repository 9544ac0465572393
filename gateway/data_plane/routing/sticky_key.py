"""Who a caller says the request is about, so that the same one meets the same arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.errors import InvalidParameter

STICKY_HEADER: Final = "X-Sticky-Key"
_MOST_CHARACTERS: Final = 256


def read_sticky_key(sent: Sequence[str]) -> str | None:
    """Read X-Sticky-Key as often as it was sent; None where it was not.

    Raises:
        InvalidParameter: it was sent twice, is empty, or longer than 256 characters.
    """
    if not sent:
        return None
    if len(sent) > 1 or not 0 < len(sent[0]) <= _MOST_CHARACTERS:
        raise InvalidParameter(f"{STICKY_HEADER} must be one key of 1 to {_MOST_CHARACTERS} bytes")
    return sent[0]
