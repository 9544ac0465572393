"""The three processes of a local stack: how each is started and how to tell that it answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from triptych.errors import StartFailed
from triptych.stack.child_process import ChildProcess
from triptych.stack.settings import StackSettings

_LOOPBACK = "127.0.0.1"


def _environment(**more: object) -> dict[str, str]:
    return {**os.environ, **{name: str(value) for name, value in more.items()}}


def start_supervisor(settings: StackSettings) -> ChildProcess:
    """Start the supervisor, which starts Triton."""
    return ChildProcess(
        "Triton",
        [sys.executable, "-m", "triptych", "triton"],
        environment=_environment(**settings.to_environment()),
        log_file=settings.log_dir / f"supervisor{settings.triton_suffix}.log",
    )


def start_gateway(settings: StackSettings) -> ChildProcess:
    """Start one gateway on loopback.

    Raises:
        StartFailed: it is told to speak TLS, which nothing of this stack would understand.
    """
    if any(name.startswith("GATEWAY_TLS_") for name in os.environ):
        raise StartFailed(
            "triptych up serves on loopback without TLS; unset GATEWAY_TLS_..., or run a gateway "
            "of your own: docs/security.md"
        )
    return ChildProcess(
        "The gateway",
        [sys.executable, "-m", "gateway"],
        environment=_environment(
            GATEWAY_HOST=_LOOPBACK,
            GATEWAY_PORT=settings.gateway_port,
            GATEWAY_TRITON_URL=f"{_LOOPBACK}:{settings.triton_grpc_port}",
            GATEWAY_SUPERVISOR_URL=supervisor_url(settings),
            GATEWAY_STATE_DIR=settings.state_dir.resolve(),
            GATEWAY_MAX_IMAGE_BYTES=settings.max_image_bytes,
        ),
        log_file=settings.log_dir / "gateway.log",
    )


def start_ui(settings: StackSettings) -> ChildProcess:
    """Start Streamlit on loopback; its file watcher and statistics are for others."""
    max_megabytes = max(1, settings.max_image_bytes // (1024 * 1024))
    options = {
        "server.address": _LOOPBACK,
        "server.port": settings.ui_port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": max_megabytes,
        "browser.gatherUsageStats": "false",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    app = Path(__file__).resolve().parents[2] / "ui" / "app.py"
    return ChildProcess(
        "The UI",
        [sys.executable, "-m", "streamlit", "run", str(app), *arguments],
        environment=_environment(
            UI_GATEWAY_URL=gateway_url(settings),
            UI_API_KEY_FILE=settings.ui_key_file.resolve(),
            UI_EXAMPLES_DIR=settings.examples_dir.resolve(),
            UI_MAX_UPLOAD_MEGABYTES=max_megabytes,
        ),
        log_file=settings.log_dir / "ui.log",
    )


def supervisor_url(settings: StackSettings) -> str:
    """Where the supervisor answers."""
    return f"http://{_LOOPBACK}:{settings.supervisor_port}"


def gateway_url(settings: StackSettings) -> str:
    """Where the gateway answers."""
    return f"http://{_LOOPBACK}:{settings.gateway_port}"


def ui_url(settings: StackSettings) -> str:
    """Where the UI answers."""
    return f"http://{_LOOPBACK}:{settings.ui_port}"
