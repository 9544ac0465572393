"""Copies requests to shadows, once their callers have their answers, and only where there is room.

A copy takes no part in anything that callers feel: no cache, no place in line, no second try, no
say in a server's standing. Its failure is counted, and that is all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Final

from gateway.control_plane.experiments.totals_store import Counted
from gateway.data_plane.admission.admission import Admission
from gateway.data_plane.arm_counts import Tally
from gateway.data_plane.mirroring.comparison import MOST_LABELS, Pair, Verdict
from gateway.data_plane.mirroring.disagreements import Disagreements
from gateway.data_plane.prediction import batches_of
from gateway.data_plane.routing.route_book import Choice
from gateway.data_plane.routing.target import Target
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.inference_call import InferenceCall
from gateway.data_plane.servers.server import Server
from gateway.errors import InferenceError, InferenceUnavailable
from gateway.metrics import GatewayMetrics
from gateway.request_context import RequestRecord, request_id
from gateway.rollouts.totals import PairTotals
from python_backends.shared.contract import ItemAnswer, Status

_MOST_BYTES: Final = 32 * 1024 * 1024
# The caller's answer is written before the copy is even encoded.
_HEAD_START_SECONDS: Final = 0.002
_CLOSING_SECONDS: Final = 1.0


@dataclass(frozen=True)
class _Copy:
    """One request on its way to a shadow."""

    counted: Counted
    request_id: str
    items: Sequence[bytes]
    size_bytes: int
    serving: Verdict
    labels: int
    target: Target
    server: Server

    def pair(self, shadow: Verdict) -> Pair:
        return Pair(
            self.counted, self.request_id, self.items, self.serving, shadow, labels=self.labels
        )


class Mirror:
    """Sends copies in the background.

    Args:
        fleet: The servers.
        admission: Says whether callers wait for one of the two releases.
        metrics: Counts copies.
        disagreements: Gets the items of which the two think differently.
        max_copies: At once; what is more is dropped.
        patience_seconds: After this a copy counts as failed; it keeps its place until Triton has
            let go of it.
    """

    def __init__(
        self,
        fleet: Fleet,
        admission: Admission,
        metrics: GatewayMetrics,
        disagreements: Disagreements,
        *,
        max_copies: int,
        patience_seconds: float,
    ) -> None:
        self.tally: Tally[PairTotals] = Tally(PairTotals)
        self.disagreements = disagreements
        self._fleet = fleet
        self._admission = admission
        self._metrics = metrics
        self._max_copies = max_copies
        self._patience_seconds = patience_seconds
        self._held_bytes = 0
        self._copies: set[asyncio.Task[None]] = set()

    def offer(
        self,
        choice: Choice,
        known: RequestRecord,
        items: Sequence[bytes],
        answers: Sequence[ItemAnswer] | None,
    ) -> None:
        """Copy a request to its route's shadow, or do not; returns at once.

        Args:
            choice: Of a route with a shadow.
            known: Of the request; it is read here, and never touched later.
            items: What was asked about.
            answers: What the caller gets; None where the arm failed.
        """
        shadow = choice.shadow
        if shadow is None or random.random() * 100 >= shadow.percent:  # noqa: S311 - no secret
            return
        if answers and any(answer.status is Status.HARMFUL for answer in answers):
            return  # what ends one release's process may well end the other's
        counted = Counted(known.alias, choice.revision or 0, shadow.release)
        size_bytes = sum(map(len, items))
        target = self._fleet.directory().releases.get(shadow.release)
        has_room = self._has_room(choice.target.release, shadow.release, size_bytes)
        server = self._fleet.find(shadow.release) if has_room else None
        if target is None or server is None:
            self._drop(counted)
            return
        labels = min(MOST_LABELS, target.top_k, choice.target.top_k)
        serving = Verdict(choice.target.release, answers, known.triton_ms)
        identifier = request_id.get()
        self._start(_Copy(counted, identifier, items, size_bytes, serving, labels, target, server))

    def _has_room(self, serving: str, shadow: str, size_bytes: int) -> bool:
        if len(self._copies) >= self._max_copies or self._held_bytes + size_bytes > _MOST_BYTES:
            return False
        lines = self._admission.lines()
        return not any(name in lines and lines[name].is_full for name in (serving, shadow))

    def _start(self, copy: _Copy) -> None:
        context = Context()  # without the caller's record
        context.run(request_id.set, copy.request_id)
        task = asyncio.create_task(self._follow(copy), context=context)
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)
        self._held_bytes += copy.size_bytes

    async def _follow(self, copy: _Copy) -> None:
        try:
            await asyncio.sleep(_HEAD_START_SECONDS)
            self._count(copy, "sent")
            call = asyncio.create_task(_ask(copy, self._patience_seconds))
            done, _ = await asyncio.wait({call}, timeout=self._patience_seconds)
            if done:
                self._compare(copy, call.result())
                return
            self._fail(copy)
            await asyncio.wait({call})  # a call that is cancelled can end Triton: docs/adr/0015
        finally:
            self._held_bytes -= copy.size_bytes

    def _compare(self, copy: _Copy, shadow: Verdict | InferenceError) -> None:
        if isinstance(shadow, InferenceUnavailable):
            self._drop(copy.counted)  # a caller would have been sent elsewhere
        elif isinstance(shadow, InferenceError):
            self._fail(copy)
        else:
            self._add(copy, shadow)

    def _fail(self, copy: _Copy) -> None:
        self._count(copy, "failed")
        self._add(copy, Verdict(copy.target.release, None))

    def _add(self, copy: _Copy, shadow: Verdict) -> None:
        different = copy.pair(shadow).add_to(self.tally.of(copy.counted), self.disagreements)
        items = self._metrics.shadow_items
        items.labels(copy.target.release, "disagreed").inc(different)
        items.labels(copy.target.release, "agreed").inc(len(copy.items) - different)

    def _drop(self, counted: Counted) -> None:
        self.tally.of(counted).add_dropped()
        self._metrics.shadow_copies.labels(counted.release, "dropped").inc()

    def _count(self, copy: _Copy, outcome: str) -> None:
        self._metrics.shadow_copies.labels(copy.target.release, outcome).inc()

    async def close(self) -> None:
        """Give copies that are on their way a moment; none is cancelled."""
        if self._copies:
            await asyncio.wait(self._copies, timeout=_CLOSING_SECONDS)


async def _ask(copy: _Copy, seconds: float) -> Verdict | InferenceError:
    """Ask one server once, for all batches at the same time, as callers are answered."""
    batches = batches_of(copy.items, copy.target.max_batch_size)
    began_ns = perf_counter_ns()
    answered = await asyncio.gather(
        *(_ask_batch(copy, batch, seconds) for batch in batches), return_exceptions=True
    )
    answers: list[ItemAnswer] = []
    for batch in answered:
        if isinstance(batch, InferenceError):
            return batch
        if isinstance(batch, BaseException):
            raise batch
        answers.extend(batch)
    return Verdict(copy.target.release, answers, (perf_counter_ns() - began_ns) / 1e6)


async def _ask_batch(copy: _Copy, batch: Sequence[bytes], seconds: float) -> list[ItemAnswer]:
    server = copy.server
    call = InferenceCall(
        copy.target.release,
        copy.target.task,
        batch,
        request_id=copy.request_id,
        deadline=asyncio.get_running_loop().time() + seconds,
    )
    server.calls += 1
    try:
        return await server.triton.classify(call)
    finally:
        server.calls -= 1
