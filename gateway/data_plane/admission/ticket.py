"""The place of one request, from its headers to its answer."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from gateway.control_plane.api_key import Priority
from gateway.data_plane.admission.release_line import ReleaseLine, Turn
from gateway.data_plane.admission.shared_places import SharedPlaces
from gateway.errors import KeyOverloaded

# A body that takes longer to arrive leaves the line meanwhile: Triton must not wait for it.
_STEP_OUT_SECONDS: Final = 0.25


@dataclass(frozen=True)
class Visitor:
    """Who asks, and what they can bear."""

    key_id: str
    tenant: str
    priority: Priority
    max_concurrency: int | None
    """Most requests of this key at once; None: as many as there is room for."""
    timeout_seconds: float
    """How long an answer may take: from the headers if the caller said so, else from the body."""
    has_asked_for_it: bool


class Ticket:
    """Remembers what one request holds, and gives it back."""

    def __init__(
        self,
        visitor: Visitor,
        requests: SharedPlaces,
        body_bytes: SharedPlaces,
        line: ReleaseLine,
    ) -> None:
        self.visitor = visitor
        self.deadline = asyncio.get_running_loop().time() + visitor.timeout_seconds
        self._requests = requests
        self._bytes = body_bytes
        self._line = line
        self._has_place = self._is_in_line = False
        self._held_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, declared_bytes: int) -> None:
        """Take what the headers say is needed.

        Raises:
            Overloaded: there is no room.
            KeyOverloaded: this key has its share.
        """
        key_id, most = self.visitor.key_id, self.visitor.max_concurrency
        if most is not None and self._requests.held_by(key_id) >= most:
            raise KeyOverloaded(f"this key may have at most {most} requests at work at once")
        self._requests.take(key_id)
        self._has_place = True
        self.count(declared_bytes)
        self._line.take_place(key_id, self.visitor.priority)
        self._is_in_line = True
        self._timer = asyncio.get_running_loop().call_later(_STEP_OUT_SECONDS, self._step_out)

    def count(self, body_bytes: int) -> None:
        """Note how much of the body is here; more than was declared needs room, too.

        Raises:
            Overloaded: there is no room.
            KeyOverloaded: this key has its share.
        """
        more = body_bytes - self._held_bytes
        if more > 0:
            self._bytes.take(self.visitor.key_id, more)
            self._held_bytes += more

    def body_is_here(self) -> None:
        """Stand in line again, if reading took long; who named no time has all of it from now."""
        if not self.visitor.has_asked_for_it:
            now = asyncio.get_running_loop().time()
            self.deadline = now + self.visitor.timeout_seconds
        if self._timer:
            self._timer.cancel()
        if not self._is_in_line:
            self._line.step_in(self.visitor.key_id, self.visitor.priority)
            self._is_in_line = True

    def move_to(self, line: ReleaseLine) -> None:
        """Stand before another release, at the end of its line."""
        was_in_line = self._is_in_line
        self._step_out()
        self._line = line
        if was_in_line:
            line.step_in(self.visitor.key_id, self.visitor.priority)
            self._is_in_line = True

    def turn(self, items: int, size_bytes: int) -> AbstractAsyncContextManager[Turn]:
        """Wait for one's turn before the release; inside, one call to Triton may be made."""
        visitor = self.visitor
        return self._line.turn(
            visitor.key_id,
            visitor.priority,
            items=items,
            size_bytes=size_bytes,
            deadline=self.deadline,
        )

    def leave(self) -> None:
        """Give everything back."""
        if self._timer:
            self._timer.cancel()
        self._step_out()
        self._bytes.give_back(self.visitor.key_id, self._held_bytes)
        if self._has_place:
            self._requests.give_back(self.visitor.key_id)

    def _step_out(self) -> None:
        if self._is_in_line:
            self._line.step_out(self.visitor.key_id, self.visitor.priority)
            self._is_in_line = False
