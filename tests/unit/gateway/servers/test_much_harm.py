"""Many harmful items, and items that hold a stub up: what they may cost others."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from typing import Any

import grpc
import pytest

from gateway.data_plane.servers.harm_by_key import HarmByKey
from gateway.errors import RateLimited
from gateway.settings import GatewaySettings
from tests.unit.gateway.servers.two_servers import PREDICT, FakeServer, running_pair
from triptych.supervisor.status import ReleaseState

_HEAL_SECONDS = 0.2


class _Stub:
    """Serial, as a real one: b"dies..." ends it at once, b"hangs..." when it is found to hang."""

    def __init__(self, server: FakeServer, hang_seconds: float = 0.0) -> None:
        self.deaths = 0
        self._server = server
        self._hang_seconds = hang_seconds
        self._one_at_a_time = threading.Lock()
        server.triton.judge = self._judge

    def _judge(self, request: Any) -> tuple[grpc.StatusCode, str] | None:
        content = request.raw_input_contents[0]
        with self._one_at_a_time:
            if b"hangs" in content and self.deaths:  # the first time somebody has ended it
                time.sleep(self._hang_seconds)
            if b"hangs" in content or b"dies" in content:
                self.deaths += 1
                self._server.lose_a_stub()
                threading.Timer(_HEAL_SECONDS, self._server.heal).start()
        is_dead = self._server.supervisor.releases[0].state is ReleaseState.HEALING
        return (grpc.StatusCode.INTERNAL, "Stub process is not healthy") if is_dead else None


async def test_one_key_cannot_take_a_release_away_for_good(settings: GatewaySettings) -> None:
    async with running_pair(settings) as pair:
        stubs = [_Stub(server) for server in pair.servers]
        asked = [pair.ask(b"dies %d" % number) for number in range(12)]
        answers = Counter(it.status_code for it in await asyncio.gather(*asked))
        refused = await pair.ask()
        other = await pair.gateway.client.post(
            PREDICT, content=b"seven", headers=pair.gateway.admin
        )

    assert answers.keys() == {422, 429}
    assert answers[422] <= 4  # one on each server may be under way when the third is counted
    assert sum(it.deaths for it in stubs) <= 4 + 12
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    assert other.status_code == 200


async def test_who_waits_behind_one_that_hangs_is_not_blamed(settings: GatewaySettings) -> None:
    async with running_pair(settings) as pair:
        (first, second) = pair.servers
        second.supervisor.releases = []
        stub = _Stub(first, hang_seconds=1.5)
        await asyncio.sleep(0.3)  # both are heard every 0.05 s
        impatient = pair.gateway.ui | {"X-Request-Timeout-Ms": "1000"}
        hangs = asyncio.create_task(
            pair.gateway.client.post(PREDICT, content=b"hangs", headers=impatient)
        )
        good = [asyncio.create_task(pair.ask()) for _ in range(4)]
        answers = await asyncio.gather(*good)
        again = await pair.ask(b"hangs")

    assert (await hangs).status_code == 504
    assert [it.status_code for it in answers] == [200] * 4
    assert again.status_code == 422  # it was found out all the same
    assert stub.deaths == 2


def test_a_key_is_let_in_again_after_a_minute() -> None:
    now = 0.0
    harm = HarmByKey(lambda: now)
    for _ in range(3):
        harm.check("careless")
        harm.note("careless")
        now += 10
    with pytest.raises(RateLimited) as refused:
        harm.check("careless")
    assert refused.value.retry_after_seconds == 30
    harm.check("another")
    now += 30
    harm.check("careless")
