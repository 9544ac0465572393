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
        InvalidParameter: it was sent twice, or is no text of 1 to 256 printable ASCII characters;
            others have several encodings, and each would meet an arm of its own.
    """
    if not sent:
        return None
    key = sent[0]
    is_plain = key.isascii() and key.isprintable() and 0 < len(key) <= _MOST_CHARACTERS
    if len(sent) > 1 or not is_plain:
        raise InvalidParameter(
            f"{STICKY_HEADER} must be one key of 1 to {_MOST_CHARACTERS} printable ASCII characters"
        )
    return key
