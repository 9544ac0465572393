"""The moves of a rollout that change its alias's route: both in one transaction, or neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.control_plane.audit import TRIPTYCH, Deed
from gateway.control_plane.rollouts.lease import Fence, no_fence
from gateway.control_plane.rollouts.rollout import (
    Rollout,
    RolloutState,
    RolloutStep,
    split,
    stable_of,
)
from gateway.control_plane.rollouts.rollout_store import move, write_decision, write_step
from gateway.control_plane.routing.route_store import RouteStore
from gateway.rollouts.checks import LatencyThresholds
from gateway.rollouts.policy import Decision
from triptych.routing import Arm, Route

WHY_SUPERSEDED: Final = "Somebody changed the route meanwhile; it stays as it is."


class Superseded(Exception):
    """Somebody has changed the route meanwhile; it stays as it is."""


class RolloutMoves:
    """Moves traffic.

    Each move raises, and changes nothing: `Superseded`; RolloutConflict where the rollout is not as
    it was read; whatever the fence raises; DatabaseUnavailable.

    Args:
        routes: What is changed.
        fence: Runs in each transaction.
    """

    def __init__(self, routes: RouteStore, fence: Fence = no_fence) -> None:
        self._routes = routes
        self._fence = fence

    async def begin(
        self, rollout: Rollout, unset: Route | None, check: Callable[[Route], None]
    ) -> None:
        """Begin the baseline: the candidate gets copies and no traffic.

        Args:
            rollout: Still loading.
            unset: What the alias means where nobody has set its route.
            check: Is shown the route that is to be, and may raise.
        """

        def revise(before: Route | None) -> Route:
            if before is None or stable_of(before, rollout.candidate) != rollout.stable:
                raise Superseded
            after = split(before, rollout, 0)
            check(after)
            return after

        async def also(session: AsyncSession, route: Route) -> None:
            await self._fence(session)
            await move(
                session, rollout, state=RolloutState.RUNNING.value, sentence="Baseline: begins."
            )
            write_step(session, rollout, RolloutStep(0, route.revision, None))

        reason = f"rollout of {rollout.candidate}: baseline"
        deed = Deed(TRIPTYCH, "rollout.step", rollout.alias, reason, {"rollout": rollout.id})
        await self._routes.change(revise, deed, unset=unset, rollout_id=rollout.id, also=also)

    async def go_on(
        self,
        rollout: Rollout,
        now: RolloutStep,
        decision: Decision,
        thresholds: LatencyThresholds | None,
    ) -> None:
        """Begin the next step, or, where that is the last, give the candidate everything."""
        following = rollout.step + 1
        percent = rollout.percent_of(following)
        is_last = percent == 100

        def revise(before: Route | None) -> Route:
            if before is None or before.revision != now.revision:
                raise Superseded
            if is_last:
                return replace(before, arms=(Arm(rollout.candidate, 100),), shadow=None)
            return split(before, rollout, percent)

        async def also(session: AsyncSession, route: Route) -> None:
            await self._fence(session)
            state = RolloutState.PROMOTED if is_last else rollout.state
            await move(
                session,
                rollout,
                state=state.value,
                sentence=decision.sentence,
                step=following,
                elapsed_seconds=0.0,
            )
            write_step(session, rollout, RolloutStep(following, route.revision, thresholds))
            write_decision(session, rollout, decision)

        action = "rollout.promote" if is_last else "rollout.step"
        deed = Deed(TRIPTYCH, action, rollout.alias, decision.sentence, {"rollout": rollout.id})
        await self._routes.change(revise, deed, unset=None, rollout_id=rollout.id, also=also)

    async def roll_back(
        self,
        rollout: Rollout,
        now: RolloutStep,
        deed: Deed,
        *,
        state: RolloutState,
        sentence: str,
        decision: Decision | None = None,
    ) -> None:
        """Bring back the route as it was before the rollout, and end that.

        Args:
            rollout: As it was read.
            now: Its last step.
            deed: Who does it and why.
            state: In which it ends.
            sentence: Why, for people.
            decision: To be recorded.
        """

        def check(route: Route) -> None:
            if route.revision != now.revision + 1:
                raise Superseded

        async def also(session: AsyncSession, _route: Route) -> None:
            await self._fence(session)
            await move(session, rollout, state=state.value, sentence=sentence)
            if decision:
                write_decision(session, rollout, decision)

        await self._routes.roll_back(deed, check, also=also)
