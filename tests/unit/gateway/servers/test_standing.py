"""May a request be sent to this server now? By what its supervisor said and what was found out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import httpx
import pytest

from gateway.data_plane.servers.server import Server, Standing
from tests.fakes.fake_supervisor import FakeSupervisor, Mood
from triptych.supervisor.status import Phase, ReleaseState

RELEASE = "digits_r1"
_SILENT_AFTER = 5.0


class _Triton:
    """A connection that can be lost."""

    def __init__(self) -> None:
        self.reachable = True

    def is_reachable(self) -> bool:
        return self.reachable


class _World:
    """One server, its supervisor, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.triton = _Triton()
        self.supervisor = FakeSupervisor()
        transport = httpx.MockTransport(self._answer)
        client = httpx.AsyncClient(transport=transport, base_url="http://supervisor")
        self.server = Server(
            "triton-0",
            cast(Any, self.triton),
            client,
            max_age_seconds=_SILENT_AFTER,
            clock=lambda: self.now,
        )

    def _answer(self, _: httpx.Request) -> httpx.Response:
        if self.supervisor.mood is Mood.SILENT:
            raise httpx.ConnectError("refused")
        self.supervisor.times_asked += 1
        return httpx.Response(200, content=self.supervisor.status())

    async def after(self, seconds: float) -> Standing:
        """The standing so much later, after another look."""
        self.now += seconds
        await self.server.refresh()
        return self.server.standing(RELEASE)


@pytest.fixture
async def world() -> _World:
    made = _World()
    assert await made.after(0) is Standing.GOOD
    return made


@pytest.mark.parametrize(
    ("phase", "standing"),
    [
        (Phase.SERVING, Standing.GOOD),
        (Phase.DRAINING, Standing.LAST_RESORT),
        (Phase.STARTING, Standing.COMING),
        (Phase.RESTARTING, Standing.COMING),
        (Phase.STOPPING, Standing.COMING),
        (Phase.BACKING_OFF, Standing.AWAY),
    ],
)
async def test_each_phase_has_its_standing(world: _World, phase: Phase, standing: Standing) -> None:
    world.supervisor.phase = phase
    assert await world.after(1) is standing


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        (ReleaseState.LOADING, Standing.COMING),
        (ReleaseState.HEALING, Standing.COMING),
        (ReleaseState.FAILING, Standing.AWAY),
    ],
)
async def test_each_state_of_the_release_has_its_standing(
    world: _World, state: ReleaseState, standing: Standing
) -> None:
    (release,) = world.supervisor.releases
    world.supervisor.releases = [replace(release, state=state)]
    assert await world.after(1) is standing


async def test_a_release_that_is_not_there_is_away(world: _World) -> None:
    assert world.server.standing("flowers_r1") is Standing.AWAY


async def test_an_ejection_ends_with_the_next_right_canary(world: _World) -> None:
    world.server.eject(RELEASE)
    assert world.server.standing(RELEASE) is Standing.COMING
    assert await world.after(0.1) is Standing.GOOD


async def test_where_canaries_are_rare_an_ejection_ends_after_two_seconds(world: _World) -> None:
    (release,) = world.supervisor.releases
    world.supervisor.releases = [replace(release, last_canary="the only one")]
    assert await world.after(1) is Standing.GOOD
    world.server.eject(RELEASE)
    assert await world.after(1.9) is Standing.COMING
    assert await world.after(0.2) is Standing.GOOD


async def test_a_silent_supervisor_leaves_a_last_resort(world: _World) -> None:
    world.supervisor.mood = Mood.SILENT
    assert await world.after(_SILENT_AFTER) is Standing.GOOD
    assert await world.after(0.1) is Standing.LAST_RESORT


async def test_one_that_refused_and_whose_supervisor_is_gone_is_waited_for_a_while(
    world: _World,
) -> None:
    world.supervisor.mood = Mood.SILENT
    world.server.eject(RELEASE)
    world.triton.reachable = False
    assert await world.after(9) is Standing.COMING
    assert await world.after(5.9) is Standing.COMING
    assert await world.after(0.2) is Standing.AWAY


async def test_one_that_cannot_be_reached_is_not_asked(world: _World) -> None:
    world.triton.reachable = False
    assert await world.after(1) is Standing.COMING
    assert not world.server.is_well(RELEASE)


async def test_while_somebody_is_asked_alone_nobody_else_is(world: _World) -> None:
    with world.server.lone_line(RELEASE).joined():
        assert world.server.standing(RELEASE) is Standing.COMING
        assert world.server.is_well(RELEASE)
    assert world.server.standing(RELEASE) is Standing.GOOD


async def test_a_death_is_believed_and_so_is_a_right_canary_after_the_failure(
    world: _World,
) -> None:
    before = world.server.deaths(RELEASE)
    assert not await world.server.has_lost_a_stub(RELEASE, before)
    (release,) = world.supervisor.releases
    world.supervisor.releases = [replace(release, stub_deaths=1)]
    assert await world.server.has_lost_a_stub(RELEASE, before)


async def test_another_supervisor_counts_as_a_death(world: _World) -> None:
    before = world.server.deaths(RELEASE)
    world.supervisor.instance = "its successor"
    assert await world.server.has_lost_a_stub(RELEASE, before)
