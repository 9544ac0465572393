"""Loads candidates of rollouts in the background, so that looks at other rollouts go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from gateway.control_plane.audit import Deed
from gateway.control_plane.control_errors import ReleaseRefused, UnknownRelease
from gateway.control_plane.rollouts.rollout import Rollout
from gateway.errors import GatewayError

_AGAIN_SECONDS: Final = 5.0


class LoadState(Enum):
    """How far a load is."""

    UNDER_WAY = auto()
    DONE = auto()
    REFUSED = auto()  # it will not get better by itself


@dataclass(frozen=True)
class Load:
    """How far a load is, for people too."""

    state: LoadState
    sentence: str


class Loads(Protocol):
    """Has every Triton load a release; ReleaseOrders is one."""

    async def load(self, deed: Deed) -> object: ...  # noqa: D102 - said at ReleaseOrders


class CandidateLoads:
    """One load per rollout.

    Args:
        orders: Does it.
        clock: Monotonic seconds.
    """

    def __init__(self, orders: Loads, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._orders = orders
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[object]] = {}
        self._began: dict[str, float] = {}
        self._last: dict[str, Load] = {}

    def look(self, rollout: Rollout) -> Load:
        """See how far it is; it is begun at the first look, and again where nobody answered."""
        task = self._tasks.get(rollout.id)
        if task is None:
            return self._begin(rollout)
        if not task.done():
            return self._last[rollout.id]
        load = _outcome(task, rollout.candidate)
        self._last[rollout.id] = load
        is_stale = self._clock() - self._began[rollout.id] >= _AGAIN_SECONDS
        if load.state is LoadState.UNDER_WAY and is_stale:
            self._begin(rollout)
        return load

    def keep_only(self, rollout_ids: Collection[str]) -> None:
        """Forget the others; what supervisors have begun for them they finish."""
        for gone in self._tasks.keys() - set(rollout_ids):
            self._tasks.pop(gone).cancel()
            del self._began[gone], self._last[gone]

    def _begin(self, rollout: Rollout) -> Load:
        reason = f"candidate of rollout {rollout.id}"
        deed = Deed(rollout.begun.deed.actor, "release.load", rollout.candidate, reason)
        self._tasks[rollout.id] = asyncio.create_task(self._load(deed))
        self._began[rollout.id] = self._clock()
        load = Load(LoadState.UNDER_WAY, f"Every Triton is to load {rollout.candidate}.")
        return self._last.setdefault(rollout.id, load)

    async def _load(self, deed: Deed) -> object:
        return await self._orders.load(deed)


def _outcome(task: asyncio.Task[object], candidate: str) -> Load:
    try:
        task.result()
    except (ReleaseRefused, UnknownRelease) as exc:
        return Load(LoadState.REFUSED, f"{candidate} could not be loaded: {exc}")
    except GatewayError as exc:
        return Load(LoadState.UNDER_WAY, f"{candidate} cannot be loaded yet: {exc}")
    return Load(LoadState.DONE, f"{candidate} is loaded.")
