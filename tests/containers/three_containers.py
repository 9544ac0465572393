"""Triton, gateway, worker and UI as compose.yaml runs them, but on loopback and on SQLite."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.containers.container import Container, podman_run, running
from tests.containers.images import PROJECT, image
from triptych.stack.ports import free_ports

_USER: Final = 10001
_WORKER: Final = ("python", "-m", "gateway.worker")
# Of compose's, whose stores have images that are out of reach here.
_SECRETS_UNUSED: Final = ("gateway_redis_url", "gateway_database_url")


@dataclass(frozen=True)
class Stack:
    """All three, running."""

    triton: Container
    gateway: Container
    ui: Container
    worker: Container
    """Of the gateway's image; answers nobody."""
    admin_key: str

    def each(self) -> tuple[Container, ...]:
        """In the order in which they were started."""
        return self.triton, self.gateway, self.ui


@contextmanager
def three_containers(folder: Path) -> Iterator[Stack]:
    """Start them, wait until they answer, and end them."""
    _make_volumes(folder)
    grpc, metrics, supervisor, gateway, ui, unused = free_ports(6)
    with ExitStack() as stack:
        triton = stack.enter_context(_triton(folder, grpc, metrics, supervisor))
        asked = stack.enter_context(_of_gateway(folder, gateway, _servers(grpc, supervisor)))
        asked.wait_until("/healthz", 60)
        _hand_over_ui_key(folder)
        servers = _servers(grpc, supervisor)
        worker = stack.enter_context(_of_gateway(folder, unused, servers, *_WORKER))
        page = stack.enter_context(_ui(folder, ui, gateway))
        triton.wait_until("/readyz", 120)
        page.wait_until("/_stcore/health", 60)
        admin_key = (folder / "gateway-state" / "admin.key").read_text(encoding="utf-8").strip()
        yield Stack(triton, asked, page, worker, admin_key)


def _make_volumes(folder: Path) -> None:
    """What compose has as volumes, with the secrets that its first service makes."""
    secrets = folder / "secrets"
    for name in ("all", "triton", "gateway", "postgres", "redis", "grafana"):
        (secrets / name).mkdir(parents=True)
    subprocess.run([sys.executable, PROJECT / "deploy/first_secrets.py", secrets], check=True)
    for name in _SECRETS_UNUSED:
        (secrets / "gateway" / name).unlink()
    for name in ("triton-state", "gateway-state", "ui-key"):
        (folder / name).mkdir(mode=0o700)
        os.chown(folder / name, _USER, _USER)


def _triton(
    folder: Path, grpc: int, metrics: int, supervisor: int
) -> AbstractContextManager[Container]:
    variables = {
        "TRIPTYCH_TRITON_GRPC_PORT": grpc,
        "TRIPTYCH_TRITON_METRICS_PORT": metrics,
        "TRIPTYCH_SUPERVISOR_PORT": supervisor,
    }
    volumes = {
        PROJECT / "model_repository": "/models:ro",
        folder / "triton-state": "/var/lib/triptych",
        folder / "secrets" / "triton": "/run/secrets:ro",
    }
    return running(image("triton"), supervisor, variables, volumes, "--shm-size=1g")


def _servers(grpc: int, supervisor: int) -> dict[str, object]:
    return {
        "GATEWAY_TRITON_URLS": f"127.0.0.1:{grpc}",
        "GATEWAY_SUPERVISOR_URLS": f"http://127.0.0.1:{supervisor}",
    }


def _of_gateway(
    folder: Path, port: int, servers: dict[str, object], *command: str
) -> AbstractContextManager[Container]:
    volumes = {
        folder / "gateway-state": "/var/lib/triptych",
        folder / "secrets" / "gateway": "/run/secrets:ro",
    }
    variables = {"GATEWAY_PORT": port, **servers}
    return running(image("gateway"), port, variables, volumes, command=command)


def _ui(folder: Path, port: int, gateway: int) -> AbstractContextManager[Container]:
    variables = {
        "STREAMLIT_SERVER_PORT": port,
        "UI_GATEWAY_URL": f"http://127.0.0.1:{gateway}",
        "UI_API_KEY_FILE": "/run/secrets/ui.key",
    }
    return running(image("ui"), port, variables, {folder / "ui-key": "/run/secrets:ro"})


def _hand_over_ui_key(folder: Path) -> None:
    """As the service `ui-key` of compose does it."""
    podman_run(
        *("--rm", "--read-only", "--cap-drop=all", "--network=none"),
        f"--volume={folder / 'gateway-state'}:/var/lib/triptych:ro",
        f"--volume={folder / 'ui-key'}:/var/lib/triptych-ui",
        image("gateway"),
        *("install", "-m", "0440", "/var/lib/triptych/ui.key", "/var/lib/triptych-ui/ui.key"),
    )
