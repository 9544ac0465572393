"""What arms do, counted in memory while requests are answered; others write it down and report."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from gateway.control_plane.experiments.totals_store import Counted
from gateway.data_plane.routing.route_book import Choice
from gateway.errors import InferenceError, InferenceFailed, InferenceTimeout
from gateway.request_context import RequestRecord, record
from gateway.rollouts.totals import ArmTotals
from python_backends.shared.contract import ItemAnswer, Status
from triptych.routing import Route

logger = logging.getLogger(__name__)

Totals = TypeVar("Totals")

# No request lives that long, so none is left that was sent by a route's earlier revision.
_FORGOTTEN_AFTER_SECONDS: Final = 600.0


class Tally(Generic[Totals]):
    """Totals that only grow, and which of them did since they were last written down.

    Args:
        new: Makes one of nothing.
        clock: Monotonic seconds.
    """

    def __init__(
        self, new: Callable[[], Totals], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._new = new
        self._clock = clock
        self._totals: dict[Counted, Totals] = {}
        self._changed: set[Counted] = set()
        self._taken_at: dict[Counted, float] = {}

    def of(self, counted: Counted) -> Totals:
        """What the caller is about to add to."""
        self._changed.add(counted)
        totals = self._totals.get(counted)
        if totals is None:
            totals = self._totals[counted] = self._new()
        return totals

    def take_changed(self) -> dict[Counted, Totals]:
        """What to write down now, whole; what grows meanwhile has changed again."""
        changed, self._changed = self._changed, set()
        self._taken_at.update(dict.fromkeys(changed, self._clock()))
        return {counted: self._totals[counted] for counted in changed}

    def put_back(self, counted: Iterable[Counted]) -> None:
        """Say that these were not written down after all."""
        self._changed.update(counted)

    def forget(self, routes: Mapping[str, Route]) -> None:
        """Let go of what is written down and belongs to a revision that is over for long.

        Args:
            routes: What aliases mean now.
        """
        before = self._clock() - _FORGOTTEN_AFTER_SECONDS
        for counted, taken_at in list(self._taken_at.items()):
            route = routes.get(counted.alias)
            is_current = route is not None and route.revision == counted.revision
            if taken_at < before and not is_current and counted not in self._changed:
                del self._totals[counted], self._taken_at[counted]


class Mirroring(Protocol):
    """Who copies requests to shadows."""

    def offer(
        self,
        choice: Choice,
        known: RequestRecord,
        items: Sequence[bytes],
        answers: Sequence[ItemAnswer] | None,
    ) -> None:
        """Copy a request, or not; returns at once. See Mirror."""


class ArmCounts:
    """Sees what becomes of requests whose route compares releases.

    What a cache answered is left out: it cost nothing, so its latency says nothing of the release,
    and its labels were counted when they were new.

    Args:
        mirror: Is offered the same requests.
    """

    def __init__(self, mirror: Mirroring) -> None:
        self.tally: Tally[ArmTotals] = Tally(ArmTotals)
        self._mirror = mirror

    async def watched(
        self, choice: Choice, items: Sequence[bytes], asked: Awaitable[Sequence[ItemAnswer]]
    ) -> Sequence[ItemAnswer]:
        """Await an answer, and count it.

        Args:
            choice: Of a route, not of a release by its name.
            items: What was asked about.
            asked: Brings the answers.

        Raises:
            InferenceError: as the answer has it.
        """
        known = record.get()
        try:
            answers = await asked
        except InferenceError as exc:
            self._failed(choice, known, items, exc)
            raise
        except asyncio.CancelledError:
            if known.triton_calls:  # who hangs up has waited at least so long
                self.tally.of(counted_of(choice, known)).add(known.triton_ms, [])
            raise
        if known.triton_calls:
            self._answered(choice, known, items, answers)
        return answers

    def _answered(
        self,
        choice: Choice,
        known: RequestRecord,
        items: Sequence[bytes],
        answers: Sequence[ItemAnswer],
    ) -> None:
        totals = self.tally.of(counted_of(choice, known))
        if any(answer.status is Status.HARMFUL for answer in answers):
            totals.add_failure()  # it ended a process of this release
        else:
            totals.add(known.triton_ms, [it.labels[0] for it in answers if it.labels])
        self._offer(choice, known, items, answers)

    def _offer(
        self,
        choice: Choice,
        known: RequestRecord,
        items: Sequence[bytes],
        answers: Sequence[ItemAnswer] | None,
    ) -> None:
        if choice.shadow is None:
            return
        try:
            self._mirror.offer(choice, known, items, answers)
        except Exception:  # last resort: a copy is no reason to lose the caller's answer
            logger.exception("a request could not be copied")

    def missed(self, choice: Choice, alias: str) -> None:
        """Count a request that another arm has to answer, because nobody has the one drawn."""
        if choice.missed:
            counted = Counted(alias, choice.revision or 0, choice.missed)
            self.tally.of(counted).add_failure()

    def _failed(
        self, choice: Choice, known: RequestRecord, items: Sequence[bytes], exc: InferenceError
    ) -> None:
        if isinstance(exc, InferenceTimeout) and not known.triton_calls:
            return  # it was never this request's turn: that is load, or the caller's short patience
        self.tally.of(counted_of(choice, known)).add_failure()
        tells_of_the_arm = isinstance(exc, InferenceFailed | InferenceTimeout)
        if known.triton_calls and tells_of_the_arm:
            self._offer(choice, known, items, None)


def counted_of(choice: Choice, known: RequestRecord) -> Counted:
    """Where to count what an arm does."""
    return Counted(known.alias, choice.revision or 0, choice.target.release)
