"""Several callers' items in one request to Triton, while it works on earlier ones anyway."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from gateway.data_plane.servers.inference_call import InferenceCall
from gateway.errors import InferenceFailed, InferenceTimeout
from python_backends.shared.contract import ItemAnswer

# One is decoded while another is in the network and a third is on its way in or out.
_MOST_ON_THEIR_WAY: Final = 3
# What is sent is copied several times on its way, and nothing else runs meanwhile.
_MOST_BYTES: Final = 8 * 1024 * 1024


class FailedTogether(Exception):
    """As InferenceFailed, of several callers; asked alone, most of them may well be answered."""


class Classifier(Protocol):
    """What is needed of a TritonClient."""

    async def classify(self, call: InferenceCall) -> list[ItemAnswer]:
        """Answer one batch; see TritonClient."""


@dataclass(frozen=True)
class _Caller:
    call: InferenceCall
    answers: asyncio.Future[list[ItemAnswer]]
    context: Context
    """Whose request it is, for the log."""


@dataclass
class _Line:
    """Before one release."""

    waiting: deque[_Caller] = field(default_factory=deque)
    on_their_way: list[int] = field(default_factory=list)
    """How many callers each request has that Triton works on."""

    @property
    def is_worth_sending(self) -> bool:
        """Whether to send what waits, rather than to wait for more.

        At once while Triton has nothing to do. Otherwise requests on their way are to be of like
        size: as soon as as many wait as the smallest of them has.
        """
        if not self.on_their_way:
            return bool(self.waiting)
        has_room = len(self.on_their_way) < _MOST_ON_THEIR_WAY
        return has_room and len(self.waiting) >= min(self.on_their_way)

    def next_group(self, max_batch_size: int, now: float) -> list[_Caller]:
        """Take out who goes together: in order of arrival, as many as fit, one at least."""
        group: list[_Caller] = []
        items = size_bytes = 0
        while self.waiting:
            call = self.waiting[0].call
            items, size_bytes = items + len(call.items), size_bytes + sum(map(len, call.items))
            if group and (items > max_batch_size or size_bytes > _MOST_BYTES):
                break
            caller = self.waiting.popleft()
            if caller.call.deadline <= now:
                _settle(caller, InferenceTimeout("the deadline passed before Triton was asked"))
            if not caller.answers.done():
                group.append(caller)
        return group


class Gathering:
    """Makes of many small requests to one Triton few larger ones. Nobody waits on a clock.

    A call that comes while nothing of its release is on its way is sent as it is. What comes
    meanwhile is sent together: every step then works on a batch, and what a request costs by
    itself, here and in Triton, is shared.

    Args:
        triton: Is asked.
    """

    def __init__(self, triton: Classifier) -> None:
        self._triton = triton
        self._lines: dict[str, _Line] = {}
        self._requests: set[asyncio.Task[None]] = set()

    async def classify(self, call: InferenceCall, max_batch_size: int) -> list[ItemAnswer]:
        """Answer one caller.

        Args:
            call: One to max_batch_size items.
            max_batch_size: Of the release.

        Returns:
            One answer per item, in order.

        Raises:
            FailedTogether: what failed was not this caller's alone.
            InferenceError: as TritonClient.classify; a failure meets everybody in a request, and
                everybody who waits behind it, as if they had been in Triton's own queue.
        """
        line = self._lines.setdefault(call.release, _Line())
        answers: asyncio.Future[list[ItemAnswer]] = asyncio.get_running_loop().create_future()
        line.waiting.append(_Caller(call, answers, copy_context()))
        self._send(line, max_batch_size)
        return await answers

    def _send(self, line: _Line, max_batch_size: int) -> None:
        now = asyncio.get_running_loop().time()
        while line.is_worth_sending:
            group = line.next_group(max_batch_size, now)
            if not group:
                return
            line.on_their_way.append(len(group))
            request = asyncio.create_task(
                self._ask(line, group, max_batch_size), context=group[0].context
            )
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)

    async def _ask(self, line: _Line, group: list[_Caller], max_batch_size: int) -> None:
        try:
            answers = await self._answers(group)
        except Exception as exc:  # noqa: BLE001 - it is the callers' to handle, whatever it is
            failed = [*group]
            if not isinstance(exc, InferenceTimeout):
                # A stub may have died. Who is sent after it would disturb the search for the cause.
                failed += line.waiting
                line.waiting.clear()
            for caller in failed:
                _settle(caller, _shared(exc) if len(failed) > 1 else exc)
        else:
            start = 0
            for caller in group:
                stop = start + len(caller.call.items)
                _settle(caller, answers[start:stop])
                start = stop
        finally:
            line.on_their_way.remove(len(group))
            self._send(line, max_batch_size)

    async def _answers(self, group: Sequence[_Caller]) -> list[ItemAnswer]:
        together = replace(
            group[0].call,
            items=[item for caller in group for item in caller.call.items],
            deadline=max(caller.call.deadline for caller in group),
        )
        return await self._triton.classify(together)


def _shared(exc: Exception) -> Exception:
    return FailedTogether(str(exc)) if isinstance(exc, InferenceFailed) else exc


def _settle(caller: _Caller, outcome: list[ItemAnswer] | Exception) -> None:
    if caller.answers.done():  # nobody waits any more
        return
    if isinstance(outcome, Exception):
        caller.answers.set_exception(outcome)
    else:
        caller.answers.set_result(outcome)
