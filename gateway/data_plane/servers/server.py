"""One Triton and its supervisor, as this gateway knows them: may a request be sent there now?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import httpx

from gateway.data_plane.servers.gathering import Gathering
from gateway.data_plane.servers.lone_line import LoneLine
from gateway.data_plane.servers.server_health import ServerHealth
from gateway.data_plane.servers.supervisor_word import ReleaseReport
from gateway.data_plane.triton_client import TritonClient

# Where canaries are rarer than that (many releases take turns), a second try tells as much.
_LONGEST_EJECTION_SECONDS: Final = 2.0
# A death is noticed at once, but a stub that hangs is seen by the next canary and its deadline.
_LONGEST_DOUBT_SECONDS: Final = 4.0
_DOUBT_PAUSE_SECONDS: Final = 0.1
# A supervisor that was killed is started again, and its Triton with it, in about eight seconds; it
# counts as silent after five.
_REPLACED_SECONDS: Final = 10.0

# One that stops is started again by whoever keeps it up, or leaves the list of servers.
_COMING_BACK: Final = frozenset({"starting", "restarting", "stopping"})
_SERVES: Final = frozenset({"serving", "draining"})
_MENDING: Final = frozenset({"healing", "loading"})


class Standing(IntEnum):
    """Whether a release can be asked for on a server; more is better."""

    AWAY = 0  # it is not there, or does not answer rightly, and nobody says that it will soon
    COMING = 1  # it is being healed, started or looked at: wait a moment
    LAST_RESORT = 2  # it answered when last heard of: draining, or its supervisor is silent
    GOOD = 3  # its golden inputs got their golden answers just now


@dataclass(frozen=True)
class Deaths:
    """How many stubs of a release have died so far; comparable while the instance is the same."""

    instance: str
    stubs: int


@dataclass(frozen=True)
class _Ejection:
    at: float
    last_canary: str | None


class Server:
    """Knows what its supervisor said, and what requests found out since.

    Args:
        name: For people and metrics; addresses are nobody's business.
        triton: Reaches Triton.
        supervisor: Reaches the supervisor; its base URL is the supervisor's.
        max_age_seconds: A supervisor's word older than this counts as silence.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        triton: TritonClient,
        supervisor: httpx.AsyncClient,
        *,
        max_age_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.triton = triton
        self.gathering = Gathering(triton)
        self.supervisor = supervisor
        self.health = ServerHealth(supervisor, max_age_seconds=max_age_seconds, clock=clock)
        self.calls = 0
        """On their way."""
        self.is_reachable = True
        """Whether there is a connection, or one is being made."""
        self._clock = clock
        self._ejected: dict[str, _Ejection] = {}
        self._lines: dict[str, LoneLine] = {}

    async def refresh(self) -> None:
        """Hear its supervisor, and see whether Triton can be reached."""
        await self.health.refresh()
        self.is_reachable = self.triton.is_reachable()

    @property
    def serves(self) -> bool:
        """Whether its supervisor says that its Triton is there for whoever asks."""
        word = self.health.word
        return word is not None and not self.health.is_silent() and word.phase in _SERVES

    def standing(self, release: str) -> Standing:
        """Whether a new request for this release may be sent here."""
        report = self._report(release)
        if report is None:
            return Standing.AWAY
        silent = self.health.is_silent()
        if self._is_ejected(release, report) or not self.is_reachable:
            is_given_up = self.health.is_silent(_REPLACED_SECONDS)
            return Standing.AWAY if is_given_up else Standing.COMING
        if not self.lone_line(release).is_empty:
            return Standing.COMING
        return Standing.LAST_RESORT if silent else self._as_told(report)

    def is_well(self, release: str) -> bool:
        """Whether its supervisor vouches for it, whoever stands in the line."""
        report = self._report(release)
        if report is None or self.health.is_silent() or not self.is_reachable:
            return False
        return self._as_told(report) >= Standing.LAST_RESORT

    def _report(self, release: str) -> ReleaseReport | None:
        word = self.health.word
        return word.releases.get(release) if word else None

    def _as_told(self, report: ReleaseReport) -> Standing:
        phase = self.health.word.phase if self.health.word else ""
        if phase == "backing_off":
            return Standing.AWAY
        if phase in _COMING_BACK or report.state in _MENDING:
            return Standing.COMING
        if report.state != "ready":
            return Standing.AWAY
        return Standing.LAST_RESORT if phase == "draining" else Standing.GOOD

    def max_batch_size(self, release: str) -> int:
        """How many items its Triton takes at once; 1 where that is not known."""
        report = self._report(release)
        return report.max_batch_size if report else 1

    def eject(self, release: str) -> None:
        """Send nothing more of this release here until a later canary was right."""
        self._ejected[release] = _Ejection(self._clock(), self._last_canary(release))

    def _last_canary(self, release: str) -> str | None:
        report = self._report(release)
        return report.last_canary if report else None

    def has_ejections(self) -> bool:
        """Whether something is to be found out soon."""
        return bool(self._ejected)

    def _is_ejected(self, release: str, report: ReleaseReport) -> bool:
        ejection = self._ejected.get(release)
        if ejection is None:
            return False
        # A server whose supervisor says nothing since may be dying for some seconds.
        is_heard = self.health.asked_at > ejection.at
        is_proven = is_heard and report.last_canary != ejection.last_canary
        longest = _LONGEST_EJECTION_SECONDS if is_heard else _REPLACED_SECONDS
        if is_proven or self._clock() > ejection.at + longest:
            del self._ejected[release]
            return False
        return True

    def lone_line(self, release: str) -> LoneLine:
        """The line of those that are asked again one by one."""
        line = self._lines.get(release)
        if line is None:
            line = self._lines[release] = LoneLine()
        return line

    def deaths(self, release: str) -> Deaths:
        """How many stubs of a release had died when its supervisor last spoke."""
        word, report = self.health.word, self._report(release)
        return Deaths(word.instance if word else "", report.stub_deaths if report else 0)

    async def has_lost_a_stub(self, release: str, before: Deaths) -> bool:
        """Ask the supervisor whether a stub died since then.

        Triton fails calls to a stub a second after it has stopped to answer, be it dead or hung. So
        this waits for evidence: a death more, or a canary that was right after the failure.
        """
        until = self._clock() + _LONGEST_DOUBT_SECONDS
        await self.refresh()
        last_canary = self._last_canary(release)
        while self.deaths(release) == before:
            is_proven = self._last_canary(release) != last_canary and self.is_well(release)
            if is_proven or self._clock() > until:
                return False
            await asyncio.sleep(_DOUBT_PAUSE_SECONDS)
            await self.refresh()
        return True

    async def close(self, grace_seconds: float) -> None:
        """End its connections, after giving calls that are on their way so long."""
        await self.triton.close(grace_seconds)
        await self.supervisor.aclose()
