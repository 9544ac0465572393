"""Every Triton gets what routes and people want, and loses what nobody may have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.audit import Deed
from gateway.control_plane.releases.release_wishes import ReleaseWishes
from gateway.data_plane.servers.open_fleet import open_fleet
from gateway.settings import GatewaySettings
from gateway.worker.worker import Worker
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.unit.gateway.rollouts_control.driven import BOB, Clock
from tests.unit.gateway.running_gateway import until
from triptych.supervisor.status import ReleaseState

LOAD, UNLOAD = "/releases/digits_r2/load", "/releases/digits_r2/unload"


def about_r2(action: str) -> Deed:
    return Deed(BOB, action, "digits_r2")


@asynccontextmanager
async def working(
    engine: AsyncEngine, settings: GatewaySettings, clock: Clock
) -> AsyncIterator[Worker]:
    async with open_fleet(settings) as fleet:
        worker = Worker(engine, fleet, settings, clock=clock)
        try:
            yield worker
        finally:
            await worker.close()


async def look_for(worker: Worker, clock: Clock, seconds: float) -> None:
    for _ in range(int(seconds)):
        await worker.tick()
        clock.now += 1.0


async def test_a_release_that_failed_at_a_restart_is_loaded_again(
    engine: AsyncEngine, settings: GatewaySettings, supervisor: FakeSupervisor
) -> None:
    failing = replace(a_release("digits", 2), state=ReleaseState.FAILING)
    supervisor.releases = [a_release("digits", 1), failing]
    await ReleaseWishes(engine).want(about_r2("release.load"))
    clock = Clock()
    async with working(engine, settings, clock) as worker:
        await look_for(worker, clock, 3)
        await until(lambda: supervisor.orders == [LOAD])


async def test_what_nobody_may_have_is_unloaded_after_a_while_and_not_if_it_is_wanted_again(
    engine: AsyncEngine, settings: GatewaySettings, supervisor: FakeSupervisor
) -> None:
    supervisor.releases = [a_release("digits", 1), a_release("digits", 2)]
    wishes, clock = ReleaseWishes(engine), Clock()
    await wishes.do_not_want(about_r2("release.unload"), {})
    async with working(engine, settings, clock) as worker:
        await look_for(worker, clock, 20)
        assert supervisor.orders == []  # whoever said so has ordered it, too
        await wishes.want(about_r2("release.load"))
        await look_for(worker, clock, 20)
        await wishes.do_not_want(about_r2("release.unload"), {})
        await look_for(worker, clock, 20)
        assert supervisor.orders == []  # the time begins anew
        await look_for(worker, clock, 20)
        await until(lambda: supervisor.orders == [UNLOAD])


async def test_what_somebody_has_said_meanwhile_stands(engine: AsyncEngine) -> None:
    wishes = ReleaseWishes(engine)
    await wishes.want(about_r2("release.load"))
    await wishes.restore(about_r2("release.unload refused"), None)
    assert await wishes.all() == {"digits_r2": True}
    await wishes.do_not_want(about_r2("release.unload"), {})
    await wishes.restore(about_r2("release.unload refused"), None)
    assert await wishes.all() == {}
