"""What a request can bear."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from gateway.errors import InvalidParameter


class Priority(StrEnum):
    """Who waits for the answer."""

    INTERACTIVE = "interactive"  # somebody does: a short line, or none
    BATCH = "batch"  # nobody does: a long line, and a small share of what is contended


PRIORITY_HEADER: Final = "X-Priority"


def priority_of(asked: str | None, best: Priority) -> Priority:
    """Read the header; a key gets nothing better than its own.

    Raises:
        InvalidParameter: it names no priority.
    """
    if asked is None:
        return best
    try:
        wanted = Priority(asked.lower())
    except ValueError as exc:
        raise InvalidParameter(f"{PRIORITY_HEADER} is {' or '.join(Priority)}") from exc
    return wanted if best is Priority.INTERACTIVE else best
