"""Every query of every panel returns something from a stack that has had a day's troubles."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from _pytest.mark import ParameterSet

from benchmarks.local_stack import LocalStack, local_stack
from tests import pictures
from tests.integration.test_releases_command import copy_digits, write_like_digits
from tests.real_prometheus import MONITORING, RealPrometheus, addresses, running_prometheus
from triptych.stack.ports import free_ports
from triptych.supervisor.stub_processes import find_stubs

SECONDS: Final = 60.0
RELEASES: Final = ("digits_r1", "digits_r2")
# Without a GPU there is nothing to tell; tests/integration/test_plans.py shows the metric of plans.
NEEDS_A_GPU: Final = {"TensorRT plan", "GPU in use", "GPU memory in use"}


@dataclass(frozen=True)
class Query:
    """One of a panel."""

    title: str
    expression: str

    def asked(self) -> list[str]:
        """As Grafana would, for each release where that is a variable."""
        text = self.expression.replace("$__rate_interval", "10s")
        if "$release" not in text:
            return [text]
        return [text.replace("$release", name) for name in RELEASES]


def queries() -> list[ParameterSet]:
    found = []
    for file in sorted((MONITORING / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                name = f"{file.stem}: {panel['title']} {target['refId']}"
                if panel["title"] not in NEEDS_A_GPU:
                    found.append(pytest.param(Query(name, target["expr"]), id=name))
    return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    """A Prometheus beside a stack with load, a rollout with a shadow, a refusal and a heal."""
    folder = tmp_path_factory.mktemp("watched")
    copy_digits(folder / "models")
    write_like_digits(folder / "models", "digits", 2)
    (port,) = free_ports(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_METRICS_PORT", str(port))
        with (
            local_stack(folder / "state", folder / "models", "--no-ui") as stack,
            running_prometheus(
                folder, MONITORING / "rules.yml", addresses(stack, port)
            ) as prometheus,
            _load(stack),
        ):
            _begin_rollout(stack)
            _wait(lambda: bool(prometheus.query("triptych_supervisor_ready == 1")), "a scrape")
            _kill_a_stub(stack)
            _wait(lambda: bool(prometheus.query("triptych_supervisor_heals_total > 0")), "a heal")
            yield prometheus


def _wait(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"no {what} in {SECONDS:g} s"
        time.sleep(0.2)


def _begin_rollout(stack: LocalStack) -> None:
    url, headers = stack.gateway_url, {"X-API-Key": stack.admin_key, "If-Match": "*"}
    arms = {"arms": [{"release": "digits_r1", "weight": 100}]}
    terms: dict[str, Any] = {"alias": "digits", "to": "digits_r2", "mirror_percent": 100}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        client.put("/v1/routes/digits", json=arms).raise_for_status()
        client.post("/v1/admin/rollouts", json=terms).raise_for_status()


def _kill_a_stub(stack: LocalStack) -> None:
    status = httpx.get(f"{stack.triton['supervisor']}/status", trust_env=False).json()
    pid = int(status["triton"]["pid"])
    (victim,) = [it for it in find_stubs(pid) if it.model == "digits_r1_postprocess"]
    os.kill(victim.pid, signal.SIGKILL)


@contextmanager
def _load(stack: LocalStack) -> Iterator[None]:
    """Two clients that ask without a pause; one request in ten is no picture."""
    over = threading.Event()
    headers = {"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"}
    image = pictures.seven_jpeg()

    def ask() -> None:
        with httpx.Client(base_url=stack.gateway_url, headers=headers, trust_env=False) as client:
            for number in range(10**9):
                if over.is_set():
                    return
                content = image if number % 10 else b"no picture"
                client.post("/v1/predict/digits", content=content, timeout=30)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("query", queries())
def test_a_panel_has_something_to_show(watched: RealPrometheus, query: Query) -> None:
    def is_told() -> bool:
        return any(_has_number(watched.query(expression)) for expression in query.asked())

    _wait(is_told, f"data for {query}")


def _has_number(found: list[dict[str, Any]]) -> bool:
    """Whether one of the samples is a number: 0 / 0 is none."""
    return any(re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", it["value"][1]) for it in found)
