"""A stub dies: who was there is asked again alone, on the same server, and the culprit is found."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest

from gateway.settings import GatewaySettings
from tests.fakes.fake_triton import ranked
from tests.unit.gateway.servers.two_servers import PREDICT, FakeServer, Pair, running_pair
from triptych.supervisor.status import ReleaseState

POISON = b"poison"
_HEAL_SECONDS = 0.3


class _Dying:
    """Makes a fake Triton's stub die of whatever call holds the poison, and heal soon after."""

    def __init__(self, server: FakeServer) -> None:
        self.deaths = 0
        self._server = server
        server.triton.judge = self._judge

    def _judge(self, request: Any) -> tuple[grpc.StatusCode, str] | None:
        if POISON in request.raw_input_contents[0]:
            self.deaths += 1
            self._server.lose_a_stub()
            threading.Timer(_HEAL_SECONDS, self._server.heal).start()
        is_dead = self._server.supervisor.releases[0].state is ReleaseState.HEALING
        return (grpc.StatusCode.INTERNAL, "Stub process is not healthy") if is_dead else None


@pytest.fixture
async def pair(settings: GatewaySettings) -> AsyncIterator[Pair]:
    async with running_pair(settings, harmful_bytes_kept=1000) as running:
        yield running


@pytest.fixture
async def dying(pair: Pair) -> list[_Dying]:
    """Both servers die of the poison."""
    return [_Dying(server) for server in pair.servers]


async def test_the_culprit_is_refused_and_no_other_server_sees_it(
    pair: Pair, dying: list[_Dying]
) -> None:
    answer = await pair.ask(POISON)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "harmful_input"
    assert sorted(it.deaths for it in dying) == [0, 2]
    again = await pair.ask(POISON)
    assert again.status_code == 422
    assert sorted(it.deaths for it in dying) == [0, 2]


async def test_whoever_was_there_is_answered(pair: Pair, dying: list[_Dying]) -> None:
    good = [asyncio.create_task(pair.ask()) for _ in range(4)]
    bad = asyncio.create_task(pair.ask(POISON))
    more = [asyncio.create_task(pair.ask()) for _ in range(4)]
    answers = await asyncio.gather(*good, *more)
    assert {answer.status_code for answer in answers} == {200}
    assert (await bad).status_code == 422
    assert sum(it.deaths for it in dying) == 2


async def test_of_a_form_only_the_culprit_is_refused(pair: Pair, dying: list[_Dying]) -> None:
    for server in pair.servers:
        server.triton.answers[b"eight"] = ranked("8")
    files = [("file", ("a", b"seven")), ("file", ("b", POISON)), ("file", ("c", b"eight"))]
    for _ in range(2):
        answer = await pair.gateway.client.post(PREDICT, files=files, headers=pair.gateway.ui)
        assert answer.status_code == 200
        first, culprit, last = answer.json()["results"]
        assert (first["predictions"][0]["label"], last["predictions"][0]["label"]) == ("7", "8")
        assert culprit["error"]["code"] == "harmful_input"
    assert sum(it.deaths for it in dying) == 2  # the form, then the one item; then nothing more


async def test_a_reproducer_is_kept_where_that_is_wanted(
    pair: Pair, dying: list[_Dying], settings: GatewaySettings
) -> None:
    await pair.ask(POISON)
    assert dying
    folder = settings.state_dir / "harmful"
    (kept,) = folder.glob("*.bin")
    assert kept.read_bytes() == POISON
    assert kept.stat().st_mode & 0o777 == 0o600
    described = json.loads(kept.with_suffix(".json").read_text())
    assert described["release"] == "digits_r1"


async def test_nothing_is_kept_unless_it_is_wanted(settings: GatewaySettings) -> None:
    async with running_pair(settings) as pair:
        for server in pair.servers:
            _Dying(server)
        assert (await pair.ask(POISON)).status_code == 422
    assert not (settings.state_dir / "harmful").exists()


async def test_a_full_folder_keeps_no_more(settings: GatewaySettings) -> None:
    folder = settings.state_dir / "harmful"
    async with running_pair(settings, harmful_bytes_kept=1000) as pair:
        folder.mkdir(parents=True)
        (folder / "earlier.bin").write_bytes(b"x" * 999)
        for server in pair.servers:
            _Dying(server)
        assert (await pair.ask(POISON)).status_code == 422
    assert [file.name for file in folder.iterdir()] == ["earlier.bin"]


async def test_a_server_that_is_not_healed_in_time_is_a_timeout(settings: GatewaySettings) -> None:
    async with running_pair(settings, inference_timeout_seconds=0.8) as pair:
        for server in pair.servers:
            server.triton.judge = _lose_a_stub_for_good(server)
        answer = await pair.ask()
    assert answer.status_code == 504


def _lose_a_stub_for_good(server: FakeServer) -> Callable[[Any], tuple[grpc.StatusCode, str]]:
    def judge(_: Any) -> tuple[grpc.StatusCode, str]:
        server.lose_a_stub()
        return grpc.StatusCode.INTERNAL, "Stub process is not healthy"

    return judge
