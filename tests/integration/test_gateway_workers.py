"""The gateway's parent and its workers: replaced, killed and stopped while requests are on the way.

Real processes and sockets; Triton and its supervisor are the fakes, which answer as late as told.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.fakes.fake_supervisor import running_supervisor
from tests.fakes.fake_triton import FakeTriton, ranked, running_triton
from tests.gateway_process import GatewayProcess, gateway_process
from tests.real_redis import RealRedis
from triptych.stack.ports import free_ports

StartGateway = Callable[..., GatewayProcess]
PATH = "/v1/predict/digits"
IMAGE = b"seven"


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with running_triton() as fake:
        fake.answers[IMAGE] = ranked("7")
        yield fake


@pytest.fixture
def start(tmp_path: Path, triton: FakeTriton) -> Iterator[StartGateway]:
    """Start a gateway before the fakes, and wait until it serves the release."""
    with ExitStack() as stack:
        supervisor = stack.enter_context(running_supervisor())

        def start(**settings: str) -> GatewayProcess:
            where = {"triton_urls": triton.address, "supervisor_urls": supervisor.url}
            gateway = stack.enter_context(
                gateway_process(tmp_path / "state", tmp_path / "log", **where, **settings)
            )
            gateway.wait_until_it_answers()
            return gateway

        yield start


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


def workers(gateway: GatewayProcess) -> set[int]:
    return {it.pid for it in psutil.Process(gateway.process.pid).children()}


def patient_key(gateway: GatewayProcess) -> dict[str, str]:
    """Of priority batch: a new process does not let many interactive requests wait at once."""
    terms = {"name": "patient", "scopes": ["predict"], "priority": "batch"}
    url = f"{gateway.url}/v1/admin/keys"
    made = httpx.post(url, json=terms, headers=gateway.admin, trust_env=False, timeout=20)
    return {"X-API-Key": made.json()["key"]}


def predict(
    client: httpx.Client, gateway: GatewayProcess, key: dict[str, str] | None = None
) -> httpx.Response:
    return client.post(f"{gateway.url}{PATH}", content=IMAGE, headers=key or gateway.admin)


def connected(gateway: GatewayProcess) -> socket.socket:
    """A connection over which nothing was said yet, and that the gateway has taken."""
    port = httpx.URL(gateway.url).port or 0
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    everybody = (gateway.process.pid, *workers(gateway))
    wait_until(
        lambda: (
            connection.getsockname()[1]
            in {
                it.raddr.port
                for pid in everybody
                for it in psutil.Process(pid).net_connections("tcp")
                if it.raddr
            }
        ),
        "the connection",
    )
    return connection


@contextmanager
def clients(gateway: GatewayProcess, count: int) -> Iterator[Counter[str]]:
    """Clients that ask without a pause over connections that they keep; counts what they see."""
    seen: Counter[str] = Counter()
    stop = threading.Event()
    key = patient_key(gateway)

    def ask() -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not stop.is_set():
                try:
                    seen[str(predict(client, gateway, key).status_code)] += 1
                except httpx.HTTPError as exc:
                    seen[type(exc).__name__] += 1

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: seen["200"] >= count, "the first answers")
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def counted(gateway: GatewayProcess, port: int | None = None) -> float:
    """How many predictions the metrics tell."""
    url = gateway.url if port is None else f"http://127.0.0.1:{port}"
    text = httpx.get(f"{url}/metrics", headers=gateway.admin, trust_env=False).text
    lines = [it for it in text.splitlines() if f'route="{PATH[:-6]}{{alias}}",status="200"' in it]
    return sum(float(it.split()[-1]) for it in lines if "requests_total" in it)


def test_workers_are_replaced_under_load_without_a_failed_request(start: StartGateway) -> None:
    gateway = start()
    with clients(gateway, 8) as seen:
        for _ in range(2):
            old = workers(gateway)
            gateway.process.send_signal(signal.SIGHUP)
            wait_until(lambda old=old: not old & workers(gateway), "the change")  # type: ignore[misc]  # a default binds the loop's value
            assert len(workers(gateway)) == 1
            before = seen["200"]
            wait_until(lambda before=before: seen["200"] > before + 100, "more answers")  # type: ignore[misc]  # the same
    assert set(seen) == {"200"}


def test_of_two_workers_one_may_be_killed_and_what_both_counted_is_told(
    start: StartGateway, redis: RealRedis
) -> None:
    (port,) = free_ports(1)
    gateway = start(workers="2", redis_url=redis.url, metrics_port=str(port))
    assert len(workers(gateway)) == 2
    with clients(gateway, 8) as seen:
        victim = min(workers(gateway))
        os.kill(victim, signal.SIGKILL)
        before = seen["200"]
        wait_until(lambda: seen["200"] > before + 100, "answers of the other")
        wait_until(lambda: len(workers(gateway) - {victim}) == 2, "another worker")
    lost = sum(count for outcome, count in seen.items() if outcome != "200")
    assert lost <= 8, seen  # what was in flight there; each client has one request at a time
    # The killed one may have counted what its client never saw.
    assert seen["200"] <= counted(gateway) <= seen["200"] + lost
    assert counted(gateway) == counted(gateway, port)
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    wait_until(
        lambda: (
            "triptych_gateway_in_flight 0.0"
            in httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        ),
        "nothing in flight any more",
    )
    assert "triptych_gateway_ready 1.0" in text
    folders = list(gateway.state_dir.glob("gateway-metrics-*"))
    assert len(folders) == 1
    gateway.process.terminate()
    assert gateway.process.wait(30) == 0
    assert not list(gateway.state_dir.glob("gateway-metrics-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_in_flight_and_sends_others_away(
    start: StartGateway, triton: FakeTriton, number: signal.Signals
) -> None:
    gateway = start()
    triton.may_answer.clear()
    answers: list[httpx.Response] = []
    with httpx.Client(trust_env=False, timeout=30) as client, httpx.Client(trust_env=False) as kept:
        assert kept.get(f"{gateway.url}/healthz").status_code == 200  # idle from now on
        slow = threading.Thread(target=lambda: answers.append(predict(client, gateway)))
        slow.start()
        wait_until(lambda: bool(triton.asked), "the slow request")
        late = connected(gateway)
        # As Ctrl-C does: the parent and every worker get it.
        for pid in (gateway.process.pid, *workers(gateway)):
            os.kill(pid, number if number is signal.SIGINT or pid == gateway.process.pid else 0)

        def refused() -> bool:
            answer = httpx.get(f"{gateway.url}/healthz", trust_env=False)
            if answer.status_code != 503:
                return False
            assert answer.json()["error"]["code"] == "inference_unavailable"
            assert (answer.headers["Retry-After"], answer.headers["Connection"]) == ("1", "close")
            return True

        wait_until(refused, "the refusal of others", 5)
        with suppress(httpx.TransportError):  # it may be closed in this very moment
            assert predict(kept, gateway).status_code == 503
        late.sendall(b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
        assert late.recv(4096).startswith(b"HTTP/1.1 503")
        late.close()
        triton.may_answer.set()
        slow.join()
    assert [it.status_code for it in answers] == [200]
    assert gateway.process.wait(10) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", httpx.URL(gateway.url).port or 0))


def test_what_takes_too_long_at_a_stop_is_told_to_try_again(
    start: StartGateway, triton: FakeTriton
) -> None:
    gateway = start(shutdown_seconds="0.5")
    triton.may_answer.clear()
    answers: list[httpx.Response] = []
    with httpx.Client(trust_env=False, timeout=30) as client:
        slow = threading.Thread(target=lambda: answers.append(predict(client, gateway)))
        slow.start()
        wait_until(lambda: bool(triton.asked), "the slow request")
        gateway.process.terminate()
        slow.join()
    assert [it.status_code for it in answers] == [503]
    triton.may_answer.set()
    assert gateway.process.wait(20) == 0


def test_a_dead_worker_is_back_and_workers_end_with_their_parent(start: StartGateway) -> None:
    gateway = start()
    (first,) = workers(gateway)
    os.kill(first, signal.SIGKILL)
    # The socket is the parent's: whoever comes now waits, and is not refused.
    assert httpx.get(f"{gateway.url}/healthz", trust_env=False, timeout=60).status_code == 200
    (second,) = workers(gateway)
    assert second != first
    gateway.process.kill()
    wait_until(lambda: not psutil.pid_exists(second), "the end of the orphan", 20)


def test_several_workers_without_redis_are_refused_in_one_sentence(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gateway"],
        env={**os.environ, "GATEWAY_WORKERS": "2", "GATEWAY_STATE_DIR": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("gateway: GATEWAY_WORKERS=2 needs GATEWAY_REDIS_URL")
