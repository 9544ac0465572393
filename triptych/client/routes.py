"""What an alias means, as GET /v1/routes answers it, and what makes a sticky key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from python_backends.shared.contract import Task
from triptych.client.errors import ServerFailed
from triptych.routing import Route

_MOST_CHARACTERS: Final = 256  # of a sticky key, at the gateway


@dataclass(frozen=True, slots=True)
class AliasRoute:
    """A route, and what all its releases take."""

    route: Route
    task: Task
    max_batch_size: int
    """Items that one request may bring."""
    top_k: int
    """The most classes that an answer may have."""


def read_route(body: Mapping[str, Any]) -> AliasRoute:
    """Read one route of the gateway's.

    An older gateway says neither revision nor sticky rule: they are 0 and "header" then.

    Raises:
        ServerFailed: it cannot be read.
    """
    try:
        return AliasRoute(
            route=Route.from_json(str(body["alias"]), int(body.get("revision", 0)), body),
            task=Task(body["task"]),
            max_batch_size=int(body["max_batch_size"]),
            top_k=int(body["top_k"]),
        )
    except (KeyError, ValueError, TypeError) as exc:
        raise ServerFailed(f"the gateway's route cannot be read: {exc!r}") from exc


def check_sticky_key(key: str | None) -> str | None:
    """See that a sticky key is the same in a header and in the hash of it.

    Raises:
        ValueError: it is empty, longer than the gateway takes, or not printable ASCII; or it
            begins or ends with a space, which a header loses.
    """
    is_good = key is None or (
        0 < len(key) <= _MOST_CHARACTERS
        and key.isascii()
        and key.isprintable()
        and key == key.strip()
    )
    if not is_good:
        raise ValueError(
            "a sticky key is 1 to 256 printable ASCII characters, no space at its ends"
        )
    return key
