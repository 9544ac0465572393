"""Two gateway processes that share a database, or a Redis; no Triton is needed here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.gateway_process import GatewayProcess, gateway_process
from tests.real_postgres import RealPostgres
from tests.real_redis import RealRedis

StartTwo = Callable[..., list[GatewayProcess]]


@pytest.fixture
def start_two(tmp_path: Path) -> Iterator[StartTwo]:
    """Start two gateways at the same moment, in one state folder or in one each."""
    with ExitStack() as stack:

        def start(*folders: Path, **settings: str) -> list[GatewayProcess]:
            gateways = [
                stack.enter_context(
                    gateway_process(folder, tmp_path / f"gateway-{i}.log", **settings)
                )
                for i, folder in enumerate(folders)
            ]
            for gateway in gateways:
                gateway.wait_until_it_answers()
            return gateways

        yield start


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def create(http: httpx.Client, gateway: GatewayProcess, **terms: object) -> tuple[str, str]:
    answer = http.post(
        f"{gateway.url}/v1/admin/keys", json={"name": "app", **terms}, headers=gateway.admin
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["key"]


def seconds_until_status(
    http: httpx.Client, gateway: GatewayProcess, key: str, status: int
) -> float:
    """How long until this gateway answers this key so."""
    started = time.monotonic()
    while http.get(f"{gateway.url}/metrics", headers={"X-API-Key": key}).status_code != status:
        assert time.monotonic() < started + 10
        time.sleep(0.01)
    return time.monotonic() - started


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_gateways_that_start_at_once_on_an_empty_database_share_its_keys_within_a_second(
    start_two: StartTwo,
    http: httpx.Client,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    kind: str,
) -> None:
    settings = {}
    if kind == "postgresql":
        server: RealPostgres = request.getfixturevalue("postgres")
        settings["database_url"] = server.new_database()
    here, there = start_two(tmp_path / "state", tmp_path / "state", **settings)
    listed = http.get(f"{there.url}/v1/admin/keys", headers=here.admin).json()["keys"]
    assert [key["name"] for key in listed] == ["admin", "ui"]

    slowest = 0.0
    for _ in range(5):
        key_id, first = create(http, here, scopes=["metrics"])
        at_once = http.get(f"{there.url}/metrics", headers={"X-API-Key": first})
        assert at_once.status_code == 200
        path = f"{here.url}/v1/admin/keys/{key_id}"
        second = http.post(f"{path}/rotate", headers=here.admin).json()["key"]
        rotated = seconds_until_status(http, there, first, 401)
        assert http.delete(path, headers=here.admin).status_code == 204
        revoked = seconds_until_status(http, there, second, 401)
        slowest = max(slowest, rotated, revoked)
    print(f"{kind}: a change was seen after {slowest:.3f} s at most")  # noqa: T201 - a figure
    assert slowest < 1.0


def test_gateways_with_folders_of_their_own_need_the_same_hash_secret(
    postgres: RealPostgres, start_two: StartTwo, http: httpx.Client, tmp_path: Path
) -> None:
    one, two, wrong = (tmp_path / name for name in ("one", "two", "wrong"))
    for folder in (one, two, wrong):
        folder.mkdir(mode=0o700)
    for folder in (one, two):
        secret = folder / "key-hash.secret"
        secret.touch(mode=0o600)
        secret.write_text("the same in both\n")
    url = postgres.new_database()
    here, there = start_two(one, two, database_url=url)
    for gateway in (here, there):
        for other in (here, there):
            seconds_until_status(http, gateway, other.admin["X-API-Key"], 200)
    with gateway_process(wrong, tmp_path / "wrong.log", database_url=url) as refused:
        assert refused.process.wait(30) != 0
    assert "key-hash.secret is not the one" in refused.log.read_text()
    assert "Traceback" not in refused.log.read_text()


def test_a_secret_that_others_can_read_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "key-hash.secret").touch(mode=0o644)
    with gateway_process(tmp_path, tmp_path / "log") as refused:
        assert refused.process.wait(30) != 0
    assert "chmod 600" in refused.log.read_text()
    assert "Traceback" not in refused.log.read_text()


def test_gateways_share_a_limit_in_redis(
    redis: RealRedis, start_two: StartTwo, http: httpx.Client, tmp_path: Path
) -> None:
    here, there = start_two(tmp_path / "state", tmp_path / "state", redis_url=redis.url)
    _, key = create(http, here, requests_per_minute=5)
    seconds_until_status(http, there, key, 403)  # known there: it lacks the scope metrics
    statuses = [
        http.post(f"{gateway.url}/v1/predict/digits", headers={"X-API-Key": key}).status_code
        for gateway in (here, there) * 4
    ]
    assert statuses == [503] * 5 + [429] * 3  # 503: there is no supervisor
