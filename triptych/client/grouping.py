"""Which items travel together: those that meet the same release, as many as one request takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from triptych.client.routes import AliasRoute
from triptych.routing import Arm, Route, Sticky, choose_arm

# Enough to pay for a request; and large images shall not add up to gigabytes (Triton's /dev/shm
# never gives back what it once took).
_MOST_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """One item, and its place in the order of the answers."""

    place: int
    content: bytes
    sticky_key: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Items of one request, and where it goes."""

    known: AliasRoute
    arm: Arm
    items: tuple[Asked, ...]


def key_of_rule(route: Route, sticky_key: str | None, key_id: str | None) -> str | None:
    """What the gateway would draw by; None is a draw at random."""
    match route.sticky:
        case Sticky.HEADER:
            return sticky_key
        case Sticky.CALLER:
            return key_id
        case Sticky.NONE:
            return None


class Grouping:
    """Collects items until they are a batch.

    Items with a key go to the arm that the key meets. Those without travel together, and their
    request is drawn as a whole when it is sent, as the gateway draws each request.

    Args:
        key_id: Of the API key, for routes that stick to it.
        batch_size: The most items of a request; None is as many as the route's releases take.
    """

    def __init__(self, key_id: str | None, batch_size: int | None) -> None:
        self._key_id = key_id
        self._batch_size = batch_size
        self._known: AliasRoute | None = None
        self._waiting: dict[Arm | None, list[Asked]] = {}

    def add(self, known: AliasRoute, item: Asked) -> list[Batch]:
        """Take an item.

        Args:
            known: The route now; where it is another one, who waits is grouped anew.
            item: The next one.

        Returns:
            The batches that are full by now.
        """
        self._follow(known)
        arm = self._place(known, item)
        return self._cut(known, arm) if self._is_full(known, self._waiting[arm]) else []

    def flush(self, known: AliasRoute) -> list[Batch]:
        """Give everything out that waits, full or not."""
        self._follow(known)
        return [batch for arm in list(self._waiting) for batch in self._cut(known, arm)]

    def regroup(self, known: AliasRoute, items: Sequence[Asked]) -> list[Batch]:
        """Make batches of items by themselves, not of those that wait.

        Args:
            known: The route now.
            items: Of a batch that an earlier route made.
        """
        alone = Grouping(self._key_id, self._batch_size)
        full = [batch for item in items for batch in alone.add(known, item)]
        return [*full, *alone.flush(known)]

    def batch_size(self, known: AliasRoute) -> int:
        """The most items of a request."""
        return min(known.max_batch_size, self._batch_size or known.max_batch_size)

    def _follow(self, known: AliasRoute) -> None:
        if known is self._known:
            return
        waiting = [item for items in self._waiting.values() for item in items]
        self._known, self._waiting = known, {}
        for item in sorted(waiting, key=lambda item: item.place):
            self._place(known, item)

    def _place(self, known: AliasRoute, item: Asked) -> Arm | None:
        key = key_of_rule(known.route, item.sticky_key, self._key_id)
        arm = None if key is None else choose_arm(known.route, key)
        self._waiting.setdefault(arm, []).append(item)
        return arm

    def _is_full(self, known: AliasRoute, items: list[Asked]) -> bool:
        has_enough = len(items) >= self.batch_size(known)
        return has_enough or sum(len(item.content) for item in items) >= _MOST_BYTES

    def _cut(self, known: AliasRoute, arm: Arm | None) -> list[Batch]:
        """Make batches of everybody who waits for an arm."""
        items, most = self._waiting.pop(arm), self.batch_size(known)
        return [
            Batch(known, arm or choose_arm(known.route, None), tuple(items[start : start + most]))
            for start in range(0, len(items), most)
        ]
