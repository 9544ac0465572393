"""Drives rollouts, one look each second; everything it knows lies in the database."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final

from gateway.control_plane.audit import TRIPTYCH, Deed
from gateway.control_plane.control_errors import (
    ReleaseNotReady,
    RolloutConflict,
    RouteRefused,
)
from gateway.control_plane.experiments.totals_store import TotalsStore
from gateway.control_plane.rollouts.candidate_loads import CandidateLoads, LoadState
from gateway.control_plane.rollouts.lease import Fence, LeaseLost, no_fence
from gateway.control_plane.rollouts.rollout import Rollout, RolloutState, RolloutStep
from gateway.control_plane.rollouts.rollout_evidence import gather_evidence
from gateway.control_plane.rollouts.rollout_moves import (
    WHY_SUPERSEDED,
    RolloutMoves,
    Superseded,
)
from gateway.control_plane.rollouts.rollout_store import RolloutStore
from gateway.control_plane.routing.route_store import RouteStore
from gateway.errors import DatabaseUnavailable, GatewayError
from gateway.rollouts.policy import Action, Decision, decide, latency_thresholds
from triptych.routing import Route

logger = logging.getLogger(__name__)

_MOST_LIVE: Final = 1000
# After a longer pause between two looks something was wrong, and perhaps nothing was counted.
_LONGEST_LOOK_SECONDS: Final = 2.0
_RECORD_SECONDS: Final = 60.0
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")


class RolloutDriver:
    """Takes each live rollout one look further.

    Args:
        store: The record.
        routes: What is moved.
        totals: What was counted.
        loads: Has candidates loaded.
        unset: What an alias means where nobody has set its route.
        check: Whether a route can be served now; raises ReleaseNotReady or RouteRefused.
        fence: Runs in each transaction that writes.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        store: RolloutStore,
        routes: RouteStore,
        totals: TotalsStore,
        loads: CandidateLoads,
        *,
        unset: Callable[[str], Route | None],
        check: Callable[[Route], None],
        fence: Fence = no_fence,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._routes = routes
        self._totals = totals
        self._loads = loads
        self._unset = unset
        self._check = check
        self._fence = fence
        self._moves = RolloutMoves(routes, fence)
        self._clock = clock
        self._looked_at: dict[str, float] = {}
        self._recorded: dict[str, tuple[str, float]] = {}

    async def tick(self) -> None:
        """Look at every live rollout; trouble with one is logged, and tried again.

        Raises:
            DatabaseUnavailable: the database does not answer.
            LeaseLost: somebody else drives.
        """
        live = await self._store.latest(_MOST_LIVE, is_live=True)
        ids = {rollout.id for rollout in live}
        self._loads.keep_only(ids)
        for known in (self._looked_at, self._recorded):
            for gone in known.keys() - ids:
                del known[gone]
        for rollout in live:
            await self._look(rollout)

    def rest(self) -> None:
        """Somebody else drives now: forget what was seen, time that passes is not ours."""
        self._loads.keep_only(())
        self._looked_at.clear()
        self._recorded.clear()

    async def _look(self, rollout: Rollout) -> None:
        try:
            if rollout.state is RolloutState.LOADING:
                await self._load(rollout)
            else:
                await self._drive(rollout)
        except Superseded:
            await self._end(rollout, RolloutState.SUPERSEDED, WHY_SUPERSEDED)
        except RolloutConflict:
            pass  # a person was quicker: the next look shows what became of it
        except (DatabaseUnavailable, LeaseLost):
            raise
        except GatewayError as exc:
            logger.warning("rollout %s: %s; it is tried again", rollout.id, exc)
        except Exception:  # last resort: a rollout that makes no sense must not stop the others
            logger.exception("rollout %s cannot be looked at; it is tried again", rollout.id)

    async def _load(self, rollout: Rollout) -> None:
        load = self._loads.look(rollout)
        if load.state is LoadState.REFUSED:
            await self._end(rollout, RolloutState.FAILED, load.sentence)
            return
        sentence = load.sentence
        if load.state is LoadState.DONE:
            try:
                await self._moves.begin(rollout, self._unset(rollout.alias), self._check)
            except ReleaseNotReady as exc:
                sentence = f"Waits: {exc}"
            except RouteRefused as exc:
                await self._end(rollout, RolloutState.FAILED, str(exc))
                return
            else:
                return
        if sentence != rollout.sentence:
            await self._store.note(rollout, sentence, fence=self._fence)

    async def _drive(self, rollout: Rollout) -> None:
        steps = await self._store.steps(rollout.id)
        route = await self._routes.current(rollout.alias)
        if route is None or route.revision != steps[-1].revision:
            raise Superseded
        elapsed = rollout.elapsed_seconds + self._passed(rollout)
        evidence = await gather_evidence(self._totals, rollout, steps)
        decision = decide(rollout.terms, evidence, elapsed)
        if decision.action is Action.ROLL_BACK:
            await self._roll_back(rollout, steps[-1], decision)
        elif rollout.state is RolloutState.PAUSED:
            return
        elif decision.action is Action.WAIT:
            await self._wait(rollout, decision, elapsed)
        else:
            await self._moves.go_on(rollout, steps[-1], decision, latency_thresholds(evidence))
            logger.info("rollout %s: %s", rollout.id, decision.sentence)

    def _passed(self, rollout: Rollout) -> float:
        """How long it has run since the last look."""
        if rollout.state is RolloutState.PAUSED:
            self._looked_at.pop(rollout.id, None)
            return 0.0
        now = self._clock()
        passed = now - self._looked_at.get(rollout.id, now)
        self._looked_at[rollout.id] = now
        return min(passed, _LONGEST_LOOK_SECONDS)

    async def _wait(self, rollout: Rollout, decision: Decision, elapsed: float) -> None:
        is_due = self._is_to_be_recorded(rollout, decision)
        await self._store.note(
            rollout,
            decision.sentence,
            elapsed_seconds=elapsed,
            decision=decision if is_due else None,
            fence=self._fence,
        )

    def _is_to_be_recorded(self, rollout: Rollout, decision: Decision) -> bool:
        """Whether it waits for something else than before, or has waited for long."""
        what = _NUMBER.sub("", decision.sentence)
        before, at = self._recorded.get(rollout.id, ("", 0.0))
        if what == before and self._clock() - at < _RECORD_SECONDS:
            return False
        self._recorded[rollout.id] = (what, self._clock())
        return True

    async def _roll_back(self, rollout: Rollout, now: RolloutStep, decision: Decision) -> None:
        why, told = decision.sentence, {"rollout": rollout.id}
        deed = Deed(TRIPTYCH, "rollout.rollback", rollout.alias, why, told)
        state = RolloutState.ROLLED_BACK
        await self._moves.roll_back(
            rollout, now, deed, state=state, sentence=why, decision=decision
        )
        logger.warning("rollout %s: %s", rollout.id, why)

    async def _end(self, rollout: Rollout, state: RolloutState, sentence: str) -> None:
        try:
            await self._store.note(
                rollout,
                sentence,
                elapsed_seconds=rollout.elapsed_seconds,
                state=state,
                fence=self._fence,
            )
        except RolloutConflict:
            return
        logger.warning("rollout %s: %s", rollout.id, sentence)
