"""Whether each part behind this gateway is well, since when, and if not, why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.data_plane.rate_limits import RateLimits
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.server import Server, Standing
from gateway.data_plane.servers.server_health import utc_now
from gateway.data_plane.sliding_window import CountersAway

# People wait for it, and what does not answer within that time serves nobody.
_PATIENCE_SECONDS: Final = 1.0
_AWAY: Final = "away"
_READY: Final = "ready"
_SILENT: Final = "silent"


class PartKind(StrEnum):
    """What a part is."""

    GATEWAY = "gateway"
    TRITON = "triton"
    RELEASE = "release"
    DATABASE = "database"
    REDIS = "redis"


@dataclass(frozen=True)
class PartHealth:
    """One part as it is now."""

    kind: PartKind
    name: str
    """Of a release or a server; of the others, their kind."""
    server: str | None
    """On which a release is."""
    state: str
    """`ready` or `away`; of a Triton its supervisor's phase, of a release its state there, of both
    `silent` where the supervisor says nothing."""
    is_well: bool
    since: str
    """Of database and Redis: when this gateway first saw it so, at most five seconds late."""
    reason: str | None


@dataclass(frozen=True)
class Healed:
    """One thing that went wrong and was put right."""

    at: str
    server: str
    release: str | None
    """None: the server as a whole."""
    cause: str
    seconds: float
    """From noticing to the next golden answer."""


class _Neighbour:
    """Something that is asked whenever somebody wants to know."""

    def __init__(self, kind: PartKind, ask: Callable[[], Awaitable[object]]) -> None:
        self._kind = kind
        self._ask = ask
        self._is_well: bool | None = None
        self._since = ""

    async def health(self) -> PartHealth:
        reason = None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._ask()
        except TimeoutError:
            reason = f"no answer within {_PATIENCE_SECONDS:g} s"
        except CountersAway as exc:
            reason = str(exc)
        except (SQLAlchemyError, OSError) as exc:
            # By its kind alone: a driver's sentence may hold an address or more.
            reason = type(getattr(exc, "orig", None) or exc).__name__
        is_well = reason is None
        if is_well is not self._is_well:
            self._is_well, self._since = is_well, utc_now()
        state = _READY if is_well else _AWAY
        return PartHealth(self._kind, self._kind, None, state, is_well, self._since, reason)


class PartsHealth:
    """Tells of every part.

    Args:
        engine: The control plane's database.
        fleet: Every Triton.
        limits: Knows whether there is a Redis.
    """

    def __init__(self, engine: AsyncEngine, fleet: Fleet, limits: RateLimits) -> None:
        self._fleet = fleet
        self._started = utc_now()

        async def ask_database() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))

        self._neighbours = [_Neighbour(PartKind.DATABASE, ask_database)]
        if limits.is_shared:
            self._neighbours.append(_Neighbour(PartKind.REDIS, limits.ping))

    async def ask_neighbours(self) -> list[PartHealth]:
        """Ask database and Redis; done again and again, so that `since` is true."""
        return await asyncio.gather(*(it.health() for it in self._neighbours))

    async def look(self) -> list[PartHealth]:
        """Every part: of Tritons and releases what is known, the others are asked."""
        kind = PartKind.GATEWAY
        gateway = PartHealth(kind, kind, None, _READY, True, self._started, None)
        neighbours = await self.ask_neighbours()
        servers = [part for server in self._fleet.servers for part in _server_parts(server)]
        return [gateway, *neighbours, *servers]

    def heals(self) -> list[Healed]:
        """What supervisors have put right, the newest first."""
        healed = [
            Healed(heal.at, server.name, heal.release, heal.cause, heal.seconds)
            for server in self._fleet.servers
            if server.health.word
            for heal in server.health.word.heals
        ]
        return sorted(healed, key=lambda it: it.at, reverse=True)


def _server_parts(server: Server) -> Iterator[PartHealth]:
    verdict, word = server.health.verdict(), server.health.word
    is_silent = word is None or server.health.is_silent()
    state = _SILENT if word is None or is_silent else word.phase
    yield PartHealth(
        PartKind.TRITON,
        server.name,
        None,
        state,
        verdict.is_ready,
        verdict.since,
        verdict.reason,
    )
    for name, report in word.releases.items() if word else ():
        yield PartHealth(
            PartKind.RELEASE,
            name,
            server.name,
            _SILENT if is_silent else report.state,
            server.standing(name) is Standing.GOOD,
            verdict.since if is_silent else report.since,
            verdict.reason if is_silent else report.reason,
        )
