"""The parts of a local stack: how each is started and how to tell that it answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import StartFailed
from triptych.stack.child_process import ChildProcess
from triptych.stack.leftovers import MARK, mark_of
from triptych.stack.settings import StackSettings

_LOOPBACK = "127.0.0.1"
# An archive of pictures that becomes a job; it waits in the UI's memory until it is handed in.
_JOB_MEGABYTES = 200


@dataclass(frozen=True)
class Service:
    """One part, as often as it has to be started."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log_file: Path
    ready_url: str | None
    """Where it says whether it is ready; None: it is as soon as it runs."""
    mark: str
    """In the environment of every process of this part, and of no other."""

    def start(self, *, again: bool = False) -> ChildProcess:
        """Start it; where it is started again, its log goes on."""
        return ChildProcess(
            self.name,
            self.command,
            environment={**self.environment, MARK: self.mark},
            log_file=self.log_file,
            keep_log=again,
        )


def _environment(**more: object) -> dict[str, str]:
    return {**os.environ, **{name: str(it) for name, it in more.items() if it is not None}}


def supervisor_service(settings: StackSettings) -> Service:
    """The supervisor, which starts Triton; `settings` are those of its Triton."""
    return Service(
        f"Triton {settings.triton_index}" if settings.triton_index else "Triton",
        (sys.executable, "-m", "triptych", "triton"),
        _environment(**settings.to_environment()),
        settings.log_dir / f"supervisor{settings.triton_suffix}.log",
        f"{supervisor_url(settings)}/readyz",
        mark_of(settings.state_dir, f"triton-{settings.triton_index}"),
    )


def gateway_service(settings: StackSettings) -> Service:
    """One gateway on loopback, which knows all Tritons.

    Raises:
        StartFailed: it is told to speak TLS, which nothing of this stack would understand.
    """
    if any(name.startswith("GATEWAY_TLS_") for name in os.environ):
        raise StartFailed(
            "triptych up serves on loopback without TLS; unset GATEWAY_TLS_..., or run a gateway "
            "of your own: docs/security.md"
        )
    return Service(
        "The gateway",
        (sys.executable, "-m", "gateway"),
        _environment(
            **_around_the_gateway(settings),
            GATEWAY_HOST=_LOOPBACK,
            GATEWAY_PORT=settings.gateway_port,
            GATEWAY_MAX_IMAGE_BYTES=settings.max_image_bytes,
            GATEWAY_WORKERS=settings.gateway_workers,
        ),
        settings.log_dir / "gateway.log",
        f"{gateway_url(settings)}/readyz",
        mark_of(settings.state_dir, "gateway"),
    )


def worker_service(settings: StackSettings) -> Service:
    """What drives rollouts and keeps every Triton in step; it knows what the gateway knows."""
    return Service(
        "The worker",
        (sys.executable, "-m", "gateway.worker"),
        _environment(**_around_the_gateway(settings)),
        settings.log_dir / "worker.log",
        None,
        mark_of(settings.state_dir, "worker"),
    )


def _around_the_gateway(settings: StackSettings) -> dict[str, object]:
    """Where everything is that the gateway and the worker share."""
    tritons, secret = settings.each_triton(), settings.supervisor_secret
    return {
        "GATEWAY_TRITON_URLS": ",".join(f"{_LOOPBACK}:{it.triton_grpc_port}" for it in tritons),
        "GATEWAY_SUPERVISOR_URLS": ",".join(supervisor_url(it) for it in tritons),
        "GATEWAY_SUPERVISOR_SECRET": secret.get_secret_value() if secret else None,
        "GATEWAY_STATE_DIR": settings.state_dir.resolve(),
        # On one machine everybody is Triton's keeper, with the same certificate.
        "GATEWAY_TRITON_TLS_CA_FILE": settings.triton_tls_ca_file,
        "GATEWAY_TRITON_TLS_CERT_FILE": settings.triton_tls_cert_file,
        "GATEWAY_TRITON_TLS_KEY_FILE": settings.triton_tls_key_file,
        "GATEWAY_TRITON_TLS_NAME": settings.triton_tls_name,
    }


def ui_service(settings: StackSettings) -> Service:
    """Streamlit on loopback; its file watcher and statistics are for others."""
    max_megabytes = max(1, settings.max_image_bytes // (1024 * 1024))
    options = {
        "server.address": _LOOPBACK,
        "server.port": settings.ui_port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": max(max_megabytes, _JOB_MEGABYTES),
        "browser.gatherUsageStats": "false",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    app = Path(__file__).resolve().parents[2] / "ui" / "app.py"
    return Service(
        "The UI",
        (sys.executable, "-m", "streamlit", "run", str(app), *arguments),
        _environment(
            UI_GATEWAY_URL=gateway_url(settings),
            UI_API_KEY_FILE=settings.ui_key_file.resolve(),
            UI_EXAMPLES_DIR=settings.examples_dir.resolve(),
            UI_MAX_UPLOAD_MEGABYTES=max_megabytes,
            UI_MAX_JOB_MEGABYTES=_JOB_MEGABYTES,
        ),
        settings.log_dir / "ui.log",
        f"{ui_url(settings)}/_stcore/health",
        mark_of(settings.state_dir, "ui"),
    )


def supervisor_url(settings: StackSettings) -> str:
    """Where the supervisor answers."""
    return f"http://{_LOOPBACK}:{settings.supervisor_port}"


def supervisor_headers(settings: StackSettings) -> dict[str, str]:
    """What a supervisor of this stack wants to see; nothing where it has no secret."""
    secret = settings.supervisor_secret
    return {"Authorization": f"Bearer {secret.get_secret_value()}"} if secret else {}


def gateway_url(settings: StackSettings) -> str:
    """Where the gateway answers."""
    return f"http://{_LOOPBACK}:{settings.gateway_port}"


def ui_url(settings: StackSettings) -> str:
    """Where the UI answers."""
    return f"http://{_LOOPBACK}:{settings.ui_port}"
