"""A real Prometheus on a free loopback port that scrapes a stack each second."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from benchmarks.local_stack import LocalStack
from triptych.stack.ports import free_ports

MONITORING: Final = Path(__file__).resolve().parents[1] / "deploy" / "monitoring"
_START_SECONDS: Final = 30.0


class RealPrometheus:
    """A running server.

    Args:
        url: Where it answers.
    """

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What it returns now: `metric` and `value` of each."""
        answer = self._client.post("/api/v1/query", data={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """Names of the alerts that fire now."""
        found = self.query('ALERTS{alertstate="firing"}')
        return {it["metric"]["alertname"] for it in found}

    def close(self) -> None:
        """Ask no more."""
        self._client.close()

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False


def addresses(stack: LocalStack, gateway_metrics_port: int) -> dict[str, str]:
    """Job -> where a stack answers it."""
    return {
        "gateway": f"127.0.0.1:{gateway_metrics_port}",
        "triton": stack.triton["metrics"].split("/")[2],
        "supervisor": stack.triton["supervisor"].split("/")[2],
    }


@contextmanager
def running_prometheus(
    folder: Path, rules: Path, places: Mapping[str, str], alertmanager: str | None = None
) -> Iterator[RealPrometheus]:
    """Run one with deploy/monitoring/prometheus.yml, but for addresses and pauses.

    Args:
        folder: Everything that it writes.
        rules: In place of the file that the configuration names.
        places: Job -> address.
        alertmanager: Who is told; nobody where there is none.
    """
    program = shutil.which("prometheus")
    assert program, "no prometheus: make setup-test"
    folder.mkdir(parents=True, exist_ok=True)
    file, log = folder / "prometheus.yml", folder / "prometheus.log"
    file.write_text(yaml.safe_dump(_configuration(rules, places, alertmanager)))
    (port,) = free_ports(1)
    where = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'data'}"]
    # It finds its Alertmanager after five seconds; what fires before that is told a minute later.
    where += ["--rules.alert.resend-delay=1s"]
    server = RealPrometheus(f"http://127.0.0.1:{port}")
    try:
        with running([program, f"--config.file={file}", *where], log, server.is_up):
            yield server
    finally:
        server.close()


@contextmanager
def running(command: list[str], log: Path, is_up: Callable[[], bool]) -> Iterator[None]:
    """Run a server until the end of the block, which begins when it answers."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not is_up():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def _configuration(
    rules: Path, places: Mapping[str, str], alertmanager: str | None
) -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    told["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    told["rule_files"] = [str(rules)]
    (manager,) = told["alerting"]["alertmanagers"]
    manager["static_configs"] = [{"targets": [alertmanager] if alertmanager else []}]
    for job in told["scrape_configs"]:
        job["static_configs"] = [{"targets": [places[job["job_name"]]]}]
    return told
