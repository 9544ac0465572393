"""Load and unload releases on every Triton, and tell what there is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.audit import Deed
from gateway.control_plane.control_errors import ReleaseInUse, ReleaseRefused, UnknownRelease
from gateway.control_plane.releases.release_wishes import ReleaseWishes
from gateway.control_plane.releases.supervisor_calls import Reply, Said, ask, order
from gateway.control_plane.routing.route_store import RouteStore
from gateway.data_plane.routing.route_book import route_of
from gateway.data_plane.servers.fleet import Fleet
from gateway.errors import InferenceUnavailable
from triptych.routing import ReleaseName


@dataclass(frozen=True)
class FoundRelease:
    """One release, as supervisors tell of it."""

    name: str
    on_disk: Mapping[str, Any] | None
    """What its release.json says; None where no supervisor finds it on its disk."""
    broken: str | None
    """Why it cannot be read."""
    loaded: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By server, what that says of it."""


class ReleaseOrders:
    """Has supervisors do what somebody decided, and keeps the decision.

    Args:
        engine: The control plane's database.
        fleet: Every Triton.
        routes: What aliases mean.
    """

    def __init__(self, engine: AsyncEngine, fleet: Fleet, routes: RouteStore) -> None:
        self._fleet = fleet
        self._routes = routes
        self.wishes = ReleaseWishes(engine)

    async def load(self, deed: Deed, engine: str | None = None) -> list[Reply]:
        """Have every Triton load and prove a release, the deed's subject.

        A Triton that is away loads it when it is back, on the engine that the release names. Where
        one refuses the engine, the others are ordered back to the one that they had.

        Raises:
            UnknownRelease: it lies on nobody's disk.
            ReleaseRefused: one of them cannot.
            InferenceUnavailable: none of them answers.
            DatabaseUnavailable: the decision cannot be kept.
        """
        release = _checked(deed.subject)
        await self._fleet.hear()  # what its alias means now, not half a second ago
        await self._keep_route(release)
        before = {} if engine is None else await self._engines(release)
        replies = await self._order(release, "load", engine)
        refused = [it for it in replies if it.said is Said.REFUSED]
        done = [it for it in replies if it.said is Said.DONE]
        unknown = [it for it in replies if it.said is Said.UNKNOWN]
        if refused or (done and unknown):
            not_back = await self._load_again(release, _of_those(done, before))
            raise ReleaseRefused(_sentences([*refused, *unknown, *not_back]))
        if not done:
            if unknown:
                raise UnknownRelease(_sentences(unknown))
            raise InferenceUnavailable(_sentences(replies))
        await self.wishes.want(deed)
        await self._fleet.hear()
        return replies

    async def unload(self, deed: Deed) -> list[Reply]:
        """Have every Triton unload a release, the deed's subject, once nobody asks it any more.

        Raises:
            UnknownRelease: that is no name of a release.
            ReleaseInUse: a route names it, or somebody goes on asking it.
            DatabaseUnavailable: the decision cannot be kept.
        """
        release = _checked(deed.subject)
        before = (await self.wishes.all()).get(release)
        engines = await self._engines(release)
        first = self._fleet.directory().first
        await self.wishes.do_not_want(deed, {alias: str(it) for alias, it in first.items()})
        replies = await self._order(release, "unload")
        busy = [it for it in replies if it.said is Said.REFUSED]
        if busy:
            why = _sentences(busy)
            await self.wishes.restore(
                replace(deed, action=f"{deed.action} refused", reason=why), before
            )
            if before is not False:
                done = [it for it in replies if it.said is Said.DONE]
                await self._load_again(release, _of_those(done, engines))
            raise ReleaseInUse(why)
        if (await self.wishes.all()).get(release):
            anywhere = dict.fromkeys(it.name for it in self._fleet.servers)
            now = await self._engines(release)
            await self._load_again(release, {**anywhere, **engines, **now})
            raise ReleaseInUse("somebody else loaded it in the same moment; it stays loaded")
        await self._fleet.hear()
        return replies

    async def found(self) -> list[FoundRelease]:
        """Every release that lies on a disk or is loaded, in the order of their names."""
        servers = self._fleet.servers
        disks = await asyncio.gather(*(ask(it, "/repository") for it in servers))
        loaded = await asyncio.gather(*(ask(it, "/releases") for it in servers))
        on_disk: dict[str, Any] = {}
        broken: dict[str, str] = {}
        for told in disks:
            on_disk = {**told.get("releases", {}), **on_disk}
            broken = {**told.get("broken", {}), **broken}
        by_server = [(server.name, it) for server, it in zip(servers, loaded, strict=True)]
        names = {*on_disk, *broken, *(name for _, it in by_server for name in it)}
        return [
            FoundRelease(
                name=name,
                on_disk=on_disk.get(name),
                broken=broken.get(name),
                loaded={server: it[name] for server, it in by_server if name in it},
            )
            for name in sorted(names, key=_order_of)
        ]

    async def _keep_route(self, release: str) -> None:
        """Where its alias means the first of its releases, see that a lower one changes nothing."""
        name = ReleaseName.parse(release)
        first = self._fleet.directory().first.get(name.alias) if name else None
        if name and first and name < first:
            await self._routes.keep(route_of(first))

    async def _engines(self, release: str) -> dict[str, str | None]:
        """What it runs on, by the servers that have it; None where that is not told."""
        servers = self._fleet.servers
        told = await asyncio.gather(*(ask(it, "/releases") for it in servers))
        return {
            server.name: it[release].get("engine") or None
            for server, it in zip(servers, told, strict=True)
            if release in it
        }

    async def _load_again(self, release: str, engines: Mapping[str, str | None]) -> list[Reply]:
        """Have servers load it on the engine that they had; who does not is told."""
        servers = [it for it in self._fleet.servers if it.name in engines]
        orders = (order(it, release, "load", engines[it.name]) for it in servers)
        return [it for it in await asyncio.gather(*orders) if it.said is not Said.DONE]

    async def _order(self, release: str, what: str, engine: str | None = None) -> list[Reply]:
        orders = (order(it, release, what, engine) for it in self._fleet.servers)
        return list(await asyncio.gather(*orders))


def _checked(release: str) -> str:
    if ReleaseName.parse(release) is None:
        raise UnknownRelease(f"{release[:80]!r} is no release name; one looks like digits_r1")
    return release


def _of_those(replies: Sequence[Reply], engines: Mapping[str, str | None]) -> dict[str, str | None]:
    return {it.server: engines[it.server] for it in replies if it.server in engines}


def _sentences(replies: Sequence[Reply]) -> str:
    return "; ".join(f"{it.server}: {it.sentence}" for it in replies)


def _order_of(name: str) -> tuple[str, int]:
    parsed = ReleaseName.parse(name)
    return (parsed.alias, parsed.number) if parsed else (name, 0)
