"""Sees that every Triton has what routes and people want, also one that joins late."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from gateway.control_plane.releases.release_wishes import ReleaseWishes
from gateway.control_plane.releases.supervisor_calls import Said, order
from gateway.data_plane.routing.route_book import RouteBook
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.server import Server
from gateway.errors import DatabaseUnavailable, InferenceUnavailable

logger = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 30.0


class Reconciler:
    """Compares and orders, one order per server at a time, in the background.

    Args:
        fleet: Every Triton.
        book: What names mean.
        wishes: What people want besides.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        fleet: Fleet,
        book: RouteBook,
        wishes: ReleaseWishes,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fleet = fleet
        self._book = book
        self._wishes = wishes
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[tuple[str, str, str], float] = {}

    async def look(self) -> None:
        """Order what is missing, and what is too much.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wishes = await self._wishes.all()
        try:
            routes = self._book.routes().values()
        except InferenceUnavailable:  # no supervisor has spoken yet
            return
        routed = {release for route in routes for release in route.releases}
        unwanted = {release for release, is_wanted in wishes.items() if not is_wanted} - routed
        wanted = (routed | wishes.keys()) - unwanted
        for known in [it for it in self._not_before if it[2] == "unload"]:
            if known[1] not in unwanted:
                del self._not_before[known]  # the next time it is ordered by hand first again
        for server in self._fleet.servers:
            self._look_at(server, wanted, unwanted)

    def _look_at(self, server: Server, wanted: set[str], unwanted: set[str]) -> None:
        word = server.health.word
        if word is None or server.health.is_silent() or word.phase != "serving":
            return
        if server.name in self._under_way:
            return
        loaded = word.releases.keys()
        # One that was loaded by hand and failed at a restart is tried again by nobody else; where
        # it only failed a canary, the supervisor does nothing more for being told.
        right = {release for release, it in word.releases.items() if it.state != "failing"}
        due = [(it, "load") for it in sorted(wanted - right) if self._is_due(server, it, "load")]
        # Whoever said so has ordered it in the same moment: this is for who did not hear it.
        due += [
            (it, "unload")
            for it in sorted(unwanted & loaded)
            if self._is_due(server, it, "unload", first_after=_AGAIN_SECONDS)
        ]
        if due:
            release, what = due[0]
            self._not_before[server.name, release, what] = self._clock() + _AGAIN_SECONDS
            task = asyncio.create_task(self._order(server, release, what))
            self._under_way[server.name] = task

    def _is_due(self, server: Server, release: str, what: str, *, first_after: float = 0.0) -> bool:
        now = self._clock()
        pair = (server.name, release, what)
        return now >= self._not_before.setdefault(pair, now + first_after)

    async def _order(self, server: Server, release: str, what: str) -> None:
        try:
            if what == "unload" and (await self._wishes.all()).get(release) is not False:
                return  # somebody wants it again
            reply = await order(server, release, what)
            await server.refresh()
        except DatabaseUnavailable as exc:
            logger.warning("%s is not %sed on %s: %s", release, what, server.name, exc)
            return
        finally:
            del self._under_way[server.name]
        if reply.said is Said.DONE:
            logger.info("%s on %s: %sed", release, server.name, what)
        else:
            told = (what, release, server.name, reply.sentence)
            logger.warning("cannot %s %s on %s: %s; it is tried again", *told)

    async def rest(self) -> None:
        """Wait for nobody any more; what supervisors have begun they finish."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
