"""The priority that a request asks for, and that its key allows."""

from __future__ import annotations

from typing import Final

from gateway.control_plane.api_key import Priority
from gateway.errors import InvalidParameter

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
