"""Releases move under load: two real Tritons, two real gateways, one PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.integration.test_releases_command import copy_digits, write_like_digits
from tests.integration.test_sdk import FOLLOWED_SECONDS, Endless
from tests.integration.two_gateways import Clients, TwoGateways, eight_clients, two_gateways
from tests.real_postgres import RealPostgres
from tests.unit.triptych.waiting import wait_until
from triptych.client import DirectClient

_IN_FORCE_SECONDS = 1.0
_LONGER_SECONDS = 0.15
RELEASES = "/v1/admin/releases"

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def where(
    tmp_path_factory: pytest.TempPathFactory, postgres: RealPostgres
) -> Iterator[TwoGateways]:
    folder = tmp_path_factory.mktemp("moving")
    repository = folder / "models"
    copy_digits(repository)
    with two_gateways(folder, repository, postgres) as running:
        # It came after the start: nothing has to be restarted.
        write_like_digits(repository, "digits", 2)
        running.call("POST", f"{RELEASES}/digits_r2/load", reason="to be promoted")
        yield running


def assert_obeyed(clients: Clients, changes: list[tuple[float, str]]) -> None:
    """Whoever asked a second after a change, and before the next, met what was in force."""
    wrong = []
    ends = [*changes, (time.monotonic(), "")]
    judged = 0
    for (done_at, release), (next_at, _) in pairwise(ends):
        for it in clients.seen:
            if done_at + _IN_FORCE_SECONDS <= it.sent_at < next_at - _LONGER_SECONDS:
                judged += 1
                wrong += [it] if it.release != release else []
    assert wrong == []
    assert judged > len(changes)


@pytest.mark.parametrize("rounds", [8, pytest.param(20, marks=pytest.mark.long)])
def test_many_times_to_and_fro_lose_no_request_and_hold_within_a_second(
    where: TwoGateways, rounds: int
) -> None:
    where.call("PUT", "/v1/routes/digits", arms=[{"release": "digits_r1", "weight": 100}])
    changes: list[tuple[float, str]] = []
    with eight_clients(where) as clients:
        for turn in range(rounds):
            through = turn % 2  # the other gateway each time
            where.call("POST", "/v1/routes/digits/promote", through, release="digits_r2")
            changes.append((time.monotonic(), "digits_r2"))
            time.sleep(_IN_FORCE_SECONDS + 2 * _LONGER_SECONDS)
            where.call("POST", "/v1/routes/digits/rollback", through)
            changes.append((time.monotonic(), "digits_r1"))
            time.sleep(_IN_FORCE_SECONDS + 2 * _LONGER_SECONDS)
    assert clients.failed() == []
    assert {it.label for it in clients.seen} == {"7"}
    assert_obeyed(clients, changes)
    assert min(clients.of("digits_r1"), clients.of("digits_r2")) > rounds
    print(f"{len(clients.seen)} requests, {2 * rounds} changes, 0 failed")  # noqa: T201 - a figure


def test_a_broken_release_changes_nothing_and_says_why(where: TwoGateways) -> None:
    write_like_digits(where.repository, "digits", 3, first_label="wrong")
    before = where.call("GET", "/v1/routes/digits")
    with eight_clients(where) as clients:
        refused = where.ask("POST", f"{RELEASES}/digits_r3/load")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "release_refused")
    assert "digits_r3 is not served" in refused.json()["error"]["message"]
    assert clients.failed() == []
    for gateway in (0, 1):
        assert where.call("GET", "/v1/routes/digits", gateway) == before
        put = where.ask(
            "PUT", "/v1/routes/digits", gateway, arms=[{"release": "digits_r3", "weight": 1}]
        )
        assert put.json()["error"]["code"] == "release_not_ready"


def test_what_there_is_is_told_alike_by_both_gateways(where: TwoGateways) -> None:
    told = [where.call("GET", RELEASES, gateway)["releases"] for gateway in (0, 1)]
    by_name = {it["release"]: it for it in told[1]}
    assert {"digits_r1", "digits_r2"} <= by_name.keys()
    second = by_name["digits_r2"]
    assert (second["is_wanted"], second["broken"], len(second["servers"])) == (True, None, 2)
    assert all(it["state"] == "ready" and it["memory_bytes"] > 0 for it in second["servers"])
    assert [it["release"] for it in told[0]] == [it["release"] for it in told[1]]


def test_a_direct_client_follows_what_another_gateway_was_told_within_two_seconds(
    where: TwoGateways,
) -> None:
    where.call("PUT", "/v1/routes/digits", arms=[{"release": "digits_r1", "weight": 100}])
    addresses = [triton["grpc"] for triton in where.stack.tritons]
    key = where.stack.admin_key
    with (
        DirectClient(where.urls[1], key, addresses, "digits", batch_size=8) as direct,
        Endless(direct) as stream,
    ):
        wait_until(lambda: len(stream.met) > 50)
        where.call("POST", "/v1/routes/digits/promote", release="digits_r2")
        followed = stream.until_only("digits_r2", time.monotonic())
        where.call("POST", "/v1/routes/digits/rollback")
        rolled_back = stream.until_only("digits_r1", time.monotonic())
    print(f"followed after {followed:.2f} s, the rollback after {rolled_back:.2f} s")  # noqa: T201 - a figure
    assert not stream.wrong
    assert max(followed, rolled_back) < FOLLOWED_SECONDS
