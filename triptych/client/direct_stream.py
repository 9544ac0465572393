"""One stream of items through several Tritons: batched, ahead of the reader, answered in order."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import grpc

from triptych.client.answers import ItemResult, Timing
from triptych.client.direct_answers import NOT_TAKEN, failure, read_results
from triptych.client.errors import TimedOut, TriptychClientError
from triptych.client.grouping import Asked, Batch, Grouping
from triptych.client.route_watch import RouteWatch
from triptych.client.triton_fleet import Sent, Triton, TritonFleet
from triptych.client.triton_wire import build_item_request

# Of what may be in flight: room to go on while the oldest request is a slow one.
_READ_AHEAD: Final = 2


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How far a stream goes."""

    top_k: int
    timeout_seconds: float
    """For one request, further tries with it."""
    patience_seconds: float
    """How long to wait for a server to have a release again."""
    max_in_flight: int


@dataclass(frozen=True, slots=True)
class _Way:
    """A batch on its way."""

    batch: Batch
    sent: Sent
    request_id: str
    first_sent_at: float
    is_second_try: bool

    def seconds(self) -> float:
        """From the first sending to the last answer."""
        return self.sent.sent_at - self.first_sent_at + self.sent.seconds()


class DirectStream:
    """Asks about items, and remembers answers until it is their turn.

    A request that was not taken is sent again, once, when somebody has its release: then the route
    is asked for first, so that what was drawn to a release that is gone is drawn again. There is
    no budget of retries as in the gateway: a second try holds its place among those in flight.

    Args:
        watch: Knows the route.
        fleet: The servers.
        grouping: Puts items together.
        limits: How far it goes.
    """

    def __init__(
        self, watch: RouteWatch, fleet: TritonFleet, grouping: Grouping, limits: StreamLimits
    ) -> None:
        self._watch = watch
        self._fleet = fleet
        self._grouping = grouping
        self._limits = limits
        self._ways: deque[_Way] = deque()
        self._results: dict[int, ItemResult | TriptychClientError] = {}
        self._next_place = 0

    def run(self, items: Iterable[Asked]) -> Iterator[ItemResult]:
        """Answer each item, in order; the next ones are read while answers are on their way.

        Raises:
            TriptychClientError: a request failed, or the gateway no longer lets this key ask.
        """
        taken = 0
        for item in items:
            taken += 1
            self._send_all(self._grouping.add(self._watch.current(), item))
            if self._ways and self._ways[0].sent.call.done():
                self._take_in()
            yield from self._give_out()
            while taken - self._next_place >= self._most_open():
                self._wait_for_next()
                yield from self._give_out()
        while self._next_place < taken:
            self._wait_for_next()
            yield from self._give_out()

    def _most_open(self) -> int:
        size = self._grouping.batch_size(self._watch.current())
        return _READ_AHEAD * self._limits.max_in_flight * size

    def _give_out(self) -> Iterator[ItemResult]:
        """Whose turn it is, as far as they are answered.

        Raises:
            TriptychClientError: it is the turn of one whose request failed.
        """
        while self._next_place in self._results:
            result = self._results.pop(self._next_place)
            if isinstance(result, TriptychClientError):
                raise result
            yield result
            self._next_place += 1

    def _take_in(self) -> None:
        """Remember what came of every call that is over; the items themselves are let go."""
        for way in [way for way in self._ways if way.sent.call.done()]:
            self._ways.remove(way)
            try:
                self._settle(way)
            except TriptychClientError as exc:
                self._results |= dict.fromkeys((item.place for item in way.batch.items), exc)

    def _wait_for_next(self) -> None:
        way = self._way_of_next()
        if way is None:  # it waits for others to travel with
            self._send_all(self._grouping.flush(self._watch.current()))
            return
        left = way.first_sent_at + self._limits.timeout_seconds - time.monotonic()
        try:
            way.sent.call.result(timeout=max(0.0, left))
        except grpc.FutureTimeoutError as exc:
            told = f"{way.batch.arm.release} did not answer in time"
            raise TimedOut(told, code="inference_timeout", request_id=way.request_id) from exc
        except grpc.RpcError:
            pass  # it is settled below, as every other
        self._take_in()

    def _way_of_next(self) -> _Way | None:
        ways = (way for way in self._ways if self._has_next(way.batch))
        return next(ways, None)

    def _has_next(self, batch: Batch) -> bool:
        return any(item.place == self._next_place for item in batch.items)

    def _settle(self, way: _Way) -> None:
        """Remember the answers to a call that is over, or send it again.

        Raises:
            TriptychClientError: it failed for good.
        """
        is_late = way.seconds() >= self._limits.timeout_seconds
        try:
            response = way.sent.call.result()
        except grpc.RpcError as exc:
            if way.is_second_try or is_late or exc.code() not in NOT_TAKEN:
                release = way.batch.arm.release
                raise failure(release, way.request_id, exc, is_late=is_late) from exc
            self._send_again(way, exc)
            return
        results = read_results(
            response,
            way.batch,
            request_id=way.request_id,
            timing=Timing(1000 * way.seconds(), 1000 * way.sent.seconds()),
            top_k=self._limits.top_k,
        )
        for item, result in zip(way.batch.items, results, strict=True):
            self._results[item.place] = result

    def _send_again(self, way: _Way, exc: grpc.RpcError) -> None:
        self._watch.refresh()
        known = self._watch.current()
        batches = [way.batch]
        if known is not way.batch.known:
            batches = self._grouping.regroup(known, way.batch.items)
        # Many may have failed at one moment: they have one patience.
        waited = time.monotonic() - (way.sent.sent_at + way.sent.seconds())
        patience = min(self._limits.patience_seconds, self._limits.timeout_seconds - way.seconds())
        for batch in batches:
            release = batch.arm.release
            # Who no longer has a release that the route no longer names has done nothing wrong.
            failed = way.sent.triton if release == way.batch.arm.release else None
            triton = self._fleet.find_ready(release, failed, patience - waited)
            if triton is None:
                raise failure(release, way.request_id, exc, is_late=False) from exc
            self._send(batch, triton, way.first_sent_at)

    def _send_all(self, batches: Iterable[Batch]) -> None:
        """Send batches as soon as there is room; the route may have moved by then."""
        waiting = deque(batches)
        while waiting:
            batch = waiting.popleft()
            self._fleet.wait_for_room(time.monotonic() + self._limits.timeout_seconds)
            known = self._watch.current()
            if known is not batch.known:
                waiting.extendleft(reversed(self._grouping.regroup(known, batch.items)))
                continue
            self._send(batch, None, None)
            self._take_in()

    def _send(self, batch: Batch, triton: Triton | None, first_sent_at: float | None) -> None:
        request_id = uuid.uuid4().hex
        deadline = (first_sent_at or time.monotonic()) + self._limits.timeout_seconds
        request = build_item_request(
            batch.arm.release,
            batch.known.task,
            [item.content for item in batch.items],
            request_id=request_id,
            timeout_seconds=max(0.001, deadline - time.monotonic()),
        )
        sent = self._fleet.send(request, deadline, triton)
        is_second = first_sent_at is not None
        self._ways.append(_Way(batch, sent, request_id, first_sent_at or sent.sent_at, is_second))
