"""Real Prometheus and Alertmanager with deploy/monitoring: what fires arrives where it has to."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from tests.real_prometheus import MONITORING, running, running_prometheus
from triptych.stack.ports import free_ports

SECONDS: Final = 60.0


class Receivers:
    """Pager and ticket system: who was told what."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.told.append((self.path.strip("/"), json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def firing(self) -> set[tuple[str, str]]:
        """Receiver and alert."""
        return {
            (receiver, alert["labels"]["alertname"])
            for receiver, body in list(self.told)
            for alert in body["alerts"]
            if alert["status"] == "firing"
        }


@contextmanager
def receivers() -> Iterator[Receivers]:
    """Run both on one loopback port."""
    both = Receivers()
    thread = threading.Thread(target=both.server.serve_forever)
    thread.start()
    try:
        yield both
    finally:
        both.server.shutdown()
        thread.join()
        both.server.server_close()


@contextmanager
def alertmanager(folder: Path, port_of_receivers: int) -> Iterator[str]:
    """Run one with the example, but for addresses and pauses; yields where it answers."""
    program = shutil.which("prometheus-alertmanager")
    assert program, "no prometheus-alertmanager: make setup-test"
    told: dict[str, Any] = yaml.safe_load((MONITORING / "alertmanager.yml").read_text())
    told["route"]["group_wait"] = "1s"
    for receiver in told["receivers"]:
        (hook,) = receiver["webhook_configs"]
        hook["url"] = f"http://127.0.0.1:{port_of_receivers}/{receiver['name']}"
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(told))
    (port,) = free_ports(1)
    where = f"127.0.0.1:{port}"
    command = [program, f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}"]
    # One alone: it looks for no others.
    command += [f"--web.listen-address={where}", "--cluster.listen-address="]

    def is_up() -> bool:
        try:
            return httpx.get(f"http://{where}/-/ready", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    with running(command, folder / "alertmanager.log", is_up):
        yield where


def test_with_no_gateway_the_pager_is_told_and_what_is_no_page_makes_tickets(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "rules.yml"
    hurried = re.sub(r"\bfor: \w+", "for: 1s", (MONITORING / "rules.yml").read_text())
    rules.write_text(hurried)
    nobody = dict(
        zip(("gateway", "triton", "supervisor"), map(_address, free_ports(3)), strict=True)
    )
    wanted = {("pager", "GatewayGone"), ("tickets", "PartAway")}

    with (
        receivers() as both,
        alertmanager(tmp_path, both.server.server_port) as where,
        running_prometheus(tmp_path, rules, nobody, where),
    ):
        deadline = time.monotonic() + SECONDS
        while both.firing() != wanted:
            assert time.monotonic() < deadline, both.told
            time.sleep(0.2)

    (page,) = [body["alerts"][0] for receiver, body in both.told if receiver == "pager"]
    assert page["annotations"]["runbook"] == "docs/runbook.md#gatewaygone"


def _address(port: int) -> str:
    return f"127.0.0.1:{port}"
