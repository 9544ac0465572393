"""Free ports, for a stack or a Triton that nobody needs to find by number."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from contextlib import ExitStack
from typing import Final

# Below what the kernel gives to outgoing connections, which could take one at any moment.
_BLOCKS_FROM: Final = 10_000
_BLOCKS_TO: Final = 32_000
_TRIES: Final = 200


def free_ports(count: int, *, besides: Collection[int] = ()) -> list[int]:
    """Ports that nothing listens on now; all are held until the last is found, so they differ.

    Args:
        count: How many.
        besides: Ports that are somebody's already.
    """
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            if port not in besides:
                found.append(port)
    return found


def free_blocks(length: int, count: int, apart: int) -> int:
    """The first port of `count` free blocks of `length` ports, which begin `apart` ports apart.

    Raises:
        OSError: there seems to be no such place.
    """
    offsets = [apart * block + place for block in range(count) for place in range(length)]
    for _ in range(_TRIES):
        first = random.randrange(_BLOCKS_FROM, _BLOCKS_TO, apart)  # noqa: S311 - no secret
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
