"""Free ports, for a stack or a Triton that nobody needs to find by number."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from typing import Final

# Below what the kernel gives to outgoing connections, which could take one at any moment.
# Tests that run side by side choose from a part of their own each (tests/conftest.py).
CHOICE: range = range(10_000, 32_000)
_TRIES: Final = 200
_DICE: Final = random.SystemRandom()  # a test's seed must not lead two runs to the same ports


def free_ports(count: int, *, besides: Collection[int] = ()) -> list[int]:
    """Different ports that nothing listens on now.

    Args:
        count: How many.
        besides: Ports that are somebody's already.

    Raises:
        OSError: there seem to be none.
    """
    found: set[int] = set()
    for _ in range(_TRIES):
        if len(found) == count:
            return list(found)
        port = _DICE.choice(CHOICE)
        if port not in besides and _is_free(port):
            found.add(port)
    raise OSError("there are no free ports")


def free_blocks(length: int, count: int, apart: int) -> int:
    """The first port of `count` free blocks of `length` ports, which begin `apart` ports apart.

    Raises:
        OSError: there seems to be no such place.
    """
    offsets = [apart * block + place for block in range(count) for place in range(length)]
    for _ in range(_TRIES):
        first = _DICE.choice(CHOICE[: -apart * count : apart])
        if all(_is_free(first + offset) for offset in offsets):
            return first
    raise OSError("there are no free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
