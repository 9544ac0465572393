"""All servers behind this gateway: kept in step with what there is, heard, chosen from."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Final

from gateway.data_plane.servers.addresses import Addresses, ServerAddress
from gateway.data_plane.servers.server import Server, Standing
from gateway.data_plane.servers.server_health import Verdict
from gateway.data_plane.servers.supervisor_word import Directory
from gateway.errors import InferenceUnavailable

logger = logging.getLogger(__name__)

_RESOLVE_INTERVAL_SECONDS: Final = 1.0
# A server that comes back is to be used within half a second.
_TROUBLED_INTERVAL_SECONDS: Final = 0.1
_LEAVING_SECONDS: Final = 120.0
# A change of a route is in force everywhere within a second, whoever hangs.
_LONGEST_HEARING_SECONDS: Final = 0.3
_CLOSING_SECONDS: Final = 2.0

OpenServer = Callable[[str, ServerAddress], Server]


class Fleet:
    """Answers what can be asked and who can be asked, from memory.

    Args:
        addresses: Which servers there are.
        open_server: Makes one of a name and an address.
        interval_seconds: Pause between two looks at a server that is well.
    """

    def __init__(
        self, addresses: Addresses, open_server: OpenServer, *, interval_seconds: float
    ) -> None:
        self._addresses = addresses
        self._open_server = open_server
        self._interval_seconds = interval_seconds
        self._servers: dict[ServerAddress, Server] = {}
        self._loops: dict[ServerAddress, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._directory: Directory | None = None
        self._news = asyncio.Event()

    @property
    def servers(self) -> Sequence[Server]:
        """Everyone there is now."""
        return list(self._servers.values())

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hear every server once, then keep hearing them until the end."""
        await self._keep_in_step()
        await self.hear()
        resolving = asyncio.create_task(self._keep_resolving())
        try:
            yield
        finally:
            tasks = [resolving, *self._loops.values(), *self._leaving]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(server.close(_CLOSING_SECONDS) for server in self.servers))

    async def hear(self) -> None:
        """Hear every server now."""
        await asyncio.gather(*(server.refresh() for server in self.servers))
        self._note()

    async def hear_of(self, releases: Collection[str]) -> None:
        """Hear every server now if one of these releases is not known; it may just be loaded.

        Whoever moves a route to a release knows it already; without this, another gateway could
        hear of the route first, and refuse what comes before it hears of the release.
        """
        if self._directory is not None and self._directory.releases.keys() >= set(releases):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_HEARING_SECONDS):
                await self.hear()
        self._note()  # also what those said that were quick

    async def _keep_resolving(self) -> None:
        while self._addresses.may_change:
            await asyncio.sleep(_RESOLVE_INTERVAL_SECONDS)
            try:
                await self._keep_in_step()
            except Exception:  # last resort: a loop that ended would never be missed
                logger.exception("the list of servers cannot be renewed; it is tried again")

    async def _keep_in_step(self) -> None:
        current = await self._addresses.current()
        for address in set(self._servers) - set(current):
            self._loops.pop(address).cancel()
            leaving = asyncio.create_task(self._see_out(self._servers.pop(address)))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        for address in current:
            if address not in self._servers:
                server = self._open_server(self._free_name(), address)
                self._servers[address] = server
                self._loops[address] = asyncio.create_task(self._keep_hearing(server))
                logger.info("server %s is %s", server.name, address.triton)

    def _free_name(self) -> str:
        taken = {server.name for server in self.servers}
        return next(
            name for number in range(len(taken) + 1) if (name := f"triton-{number}") not in taken
        )

    async def _see_out(self, server: Server) -> None:
        """Close a server that is gone from the list, once its last answers are here."""
        logger.info("server %s is not listed any more", server.name)
        await server.close(grace_seconds=_LEAVING_SECONDS)

    async def _keep_hearing(self, server: Server) -> None:
        while True:
            is_well = server.health.verdict().is_ready and server.is_reachable
            hurry = not is_well or server.has_ejections()
            await asyncio.sleep(
                min(_TROUBLED_INTERVAL_SECONDS, self._interval_seconds)
                if hurry
                else self._interval_seconds
            )
            try:
                await server.refresh()
            except Exception:  # last resort: a loop that ended would never be missed
                logger.exception("server %s cannot be heard; it is tried again", server.name)
            self._note()

    def _note(self) -> None:
        reports = [word for server in self.servers if (word := server.health.word)]
        if reports:  # else those who spoke are gone: what they said is the best there is
            self._directory = Directory.of(reports)
        self._news.set()
        self._news = asyncio.Event()

    async def news(self) -> None:
        """Wait until a supervisor has spoken again."""
        await self._news.wait()

    def find(self, release: str, *, but_not: Server | None = None) -> Server | None:
        """Whom to ask: of two random ones among the best, the one with fewer calls.

        Source: Mitzenmacher 2001, the power of two random choices.
        """
        standing = {it: it.standing(release) for it in self._servers.values() if it is not but_not}
        best = max(standing.values(), default=Standing.AWAY)
        if best < Standing.LAST_RESORT:
            return None
        able = [server for server, it in standing.items() if it is best]
        two = able if len(able) < 3 else random.sample(able, 2)
        least = min(server.calls for server in two)
        return random.choice([it for it in two if it.calls == least])  # noqa: S311 - no secret

    def may_come_back(self, release: str) -> bool:
        """Whether somebody is about to have this release again."""
        return any(it.standing(release) >= Standing.COMING for it in self._servers.values())

    def verdict(self) -> Verdict:
        """Whether somebody's golden inputs got their golden answers within the last seconds."""
        verdicts = {server.name: server.health.verdict() for server in self.servers}
        ready = [it for it in verdicts.values() if it.is_ready]
        if ready:
            return min(ready, key=lambda it: it.since)
        if len(verdicts) == 1:
            return next(iter(verdicts.values()))
        since = max((it.since for it in verdicts.values()), default="")
        reasons = "; ".join(f"{name}: {it.reason}" for name, it in verdicts.items())
        return Verdict(False, since, reasons or "no server is known")

    def directory(self) -> Directory:
        """What can be asked; known even while every Triton is down.

        Raises:
            InferenceUnavailable: no supervisor has said so once since the gateway started.
        """
        if self._directory is None:
            raise InferenceUnavailable(
                "Triton's supervisor has not yet said what can be asked; try again in a second"
            )
        return self._directory

    def lacking(self, release: str) -> list[str]:
        """The servers that serve, but not this release; one in trouble as a whole lacks nothing."""
        return [
            it.name for it in self.servers if it.serves and it.standing(release) is Standing.AWAY
        ]

    def has_ready(self, release: str) -> bool:
        """Whether this one release got its golden answers within the last seconds."""
        return any(it.standing(release) is Standing.GOOD for it in self._servers.values())
