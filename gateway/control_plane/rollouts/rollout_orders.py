"""What people do with rollouts: start, pause, resume, abort. In force without a worker's help."""

from __future__ import annotations

import contextlib
from typing import Final

from gateway.control_plane.audit import Deed
from gateway.control_plane.control_errors import RolloutConflict
from gateway.control_plane.rollouts.rollout import Rollout, RolloutState, stable_of
from gateway.control_plane.rollouts.rollout_moves import WHY_SUPERSEDED, RolloutMoves, Superseded
from gateway.control_plane.rollouts.rollout_store import RolloutStore
from gateway.control_plane.routing.route_store import RouteStore
from gateway.rollouts.terms import RolloutTerms
from triptych.routing import Route

_TRIES: Final = 3  # against a worker that moves on in the same moment


class RolloutOrders:
    """Acts on the record alone.

    Args:
        store: The record of rollouts.
        routes: The record of routes.
    """

    def __init__(self, store: RolloutStore, routes: RouteStore) -> None:
        self._store = store
        self._routes = routes
        self._moves = RolloutMoves(routes)

    async def start(self, deed: Deed, candidate: str, terms: RolloutTerms, route: Route) -> Rollout:
        """Begin a rollout of the deed's subject, an alias.

        Args:
            deed: Who wants it and why.
            candidate: The release that is to get everything.
            terms: How.
            route: What the alias means now.

        Raises:
            RolloutConflict: the route has not exactly one arm with weight, or somebody else's
                shadow; or another rollout is under way.
            DatabaseUnavailable: the database does not answer.
        """
        stable = stable_of(route, candidate)
        if stable is None:
            raise RolloutConflict(
                f"a rollout begins where one other release than {candidate} gets everything and "
                f"nobody else is mirrored to; promote or roll back {route.alias!r} first"
            )
        return await self._store.start(deed, stable=stable, candidate=candidate, terms=terms)

    async def pause(self, rollout_id: str, deed: Deed) -> Rollout:
        """Let weights and time stand still.

        Raises:
            RolloutConflict: it does not run.
            UnknownRollout: there is none of that id.
            DatabaseUnavailable: the database does not answer.
        """
        sentence = f"Paused: {deed.reason}" if deed.reason else "Paused."
        before, after = RolloutState.RUNNING, RolloutState.PAUSED
        return await self._switch(rollout_id, before, after, sentence, deed)

    async def resume(self, rollout_id: str, deed: Deed) -> Rollout:
        """Go on where it was paused.

        Raises:
            RolloutConflict: it is not paused.
            UnknownRollout: there is none of that id.
            DatabaseUnavailable: the database does not answer.
        """
        before, after = RolloutState.PAUSED, RolloutState.RUNNING
        return await self._switch(rollout_id, before, after, "Goes on.", deed)

    async def _switch(
        self,
        rollout_id: str,
        before: RolloutState,
        after: RolloutState,
        sentence: str,
        deed: Deed,
    ) -> Rollout:
        rollout = await self._store.get(rollout_id)
        if rollout.state is not before:
            raise _not_now(rollout)
        await self._store.note(
            rollout, sentence, elapsed_seconds=rollout.elapsed_seconds, state=after, deed=deed
        )
        return await self._store.get(rollout_id)

    async def abort(self, rollout_id: str, deed: Deed) -> Rollout:
        """Bring back the route as it was before, at once.

        Raises:
            RolloutConflict: it has ended, or somebody has changed the route meanwhile.
            UnknownRollout: there is none of that id.
            DatabaseUnavailable: the database does not answer.
        """
        for _ in range(_TRIES):
            rollout = await self._store.get(rollout_id)
            if not rollout.is_live:
                raise _not_now(rollout)
            with contextlib.suppress(RolloutConflict):  # a worker was quicker: look again
                await self._end(rollout, deed)
                break
        return await self._store.get(rollout_id)

    async def _end(self, rollout: Rollout, deed: Deed) -> None:
        steps = await self._store.steps(rollout.id)
        why = f"Aborted: {deed.reason}" if deed.reason else "Aborted."
        if not steps:
            await self._store.note(rollout, why, state=RolloutState.ABORTED, deed=deed)
            return
        try:
            state = RolloutState.ABORTED
            await self._moves.roll_back(rollout, steps[-1], deed, state=state, sentence=why)
        except Superseded:
            # If it has not moved on itself, that is: otherwise this note is refused.
            await self._store.note(
                rollout,
                WHY_SUPERSEDED,
                elapsed_seconds=rollout.elapsed_seconds,
                state=RolloutState.SUPERSEDED,
                deed=deed,
            )


def _not_now(rollout: Rollout) -> RolloutConflict:
    return RolloutConflict(f"rollout {rollout.id} is {rollout.state}: {rollout.sentence}")
