"""How long a request may take: asked for by a header, capped here."""

from __future__ import annotations

from typing import Final

from gateway.errors import InvalidParameter

TIMEOUT_HEADER: Final = "X-Request-Timeout-Ms"
MOST_MILLISECONDS: Final = 10**9 - 1


def timeout_seconds(asked: str | None, *, default: float, most: float) -> float:
    """Read the header.

    Args:
        asked: Milliseconds as they came; None where there was no header.
        default: Seconds where there was none.
        most: Seconds that nobody gets more of.

    Raises:
        InvalidParameter: it is no whole number of milliseconds above 0.
    """
    if asked is None:
        return default
    if not (
        asked.isascii() and asked.isdecimal() and len(asked) <= len(str(MOST_MILLISECONDS))
    ) or not int(asked):
        raise InvalidParameter(f"{TIMEOUT_HEADER} must be a whole number of milliseconds above 0")
    return min(int(asked) / 1000, most)
