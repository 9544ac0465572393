"""Start and stop one tritonserver: its command line, its ports, its secret."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from triptych.client.triton import TritonConnection
from triptych.errors import StartFailed
from triptych.stack.child_process import ChildProcess
from triptych.stack.settings import StackSettings
from triptych.stack.shared_memory import region_prefix, remove_regions
from triptych.stack.triton_addresses import LOOPBACK, TritonAddresses
from triptych.stack.triton_install import TritonInstall
from triptych.supervisor.otlp_spans import TRACES_PATH

# Whoever may call these can run code in the server or read its memory; only the supervisor may.
_RESTRICTED: Final = "model-repository,shared-memory,trace,logging"


def triton_command(
    install: TritonInstall, view: Path, settings: StackSettings, admin_secret: str
) -> list[str]:
    """The command line of one Triton, empty until the supervisor loads something.

    Strict readiness is off because one failed load would make the whole server "not ready" although
    every live release still answers; the supervisor judges by canaries instead.
    """
    restricted = f"{_RESTRICTED}:admin-key={admin_secret}"
    return [
        str(install.binary),
        f"--model-repository={view.resolve()}",
        f"--backend-directory={install.backend_dir.resolve()}",
        f"--backend-config=python,shm-region-prefix-name={region_prefix_of(settings)}",
        "--model-control-mode=explicit",
        "--strict-readiness=false",
        "--disable-auto-complete-config",
        f"--exit-timeout-secs={settings.exit_timeout_seconds}",
        *_http_options(settings, restricted),
        f"--grpc-address={settings.triton_host}",
        f"--grpc-port={settings.triton_grpc_port}",
        f"--grpc-restricted-protocol={restricted}",
        *_tls_options(settings),
        f"--metrics-address={settings.triton_host}",
        f"--metrics-port={settings.triton_metrics_port}",
        *_trace_options(settings),
    ]


def region_prefix_of(settings: StackSettings) -> str:
    """Of the Triton that these settings describe."""
    return region_prefix(settings.state_dir, settings.triton_index)


def _http_options(settings: StackSettings, restricted: str) -> list[str]:
    if not settings.triton_http:
        return ["--allow-http=false"]
    return [
        f"--http-address={settings.triton_host}",
        f"--http-port={settings.triton_http_port}",
        f"--http-restricted-api={restricted}",
    ]


def _tls_options(settings: StackSettings) -> list[str]:
    """Clients without a certificate of the authority get no connection."""
    tls = settings.triton_tls
    if tls is None:
        return []
    return [
        "--grpc-use-ssl=true",
        "--grpc-use-ssl-mutual=true",
        f"--grpc-server-cert={tls.cert_file}",
        f"--grpc-server-key={tls.key_file}",
        f"--grpc-root-cert={tls.ca_file}",
    ]


def _trace_options(settings: StackSettings) -> list[str]:
    """Trace the requests that carry a `traceparent` and no others; the supervisor takes the spans.

    With the rate 0 nothing is traced by chance. Spans go out every 0.2 s, not every 5 s.
    """
    spans_url = f"http://{LOOPBACK}:{settings.supervisor_port}{TRACES_PATH}"
    options = (
        "mode=opentelemetry",
        "level=TIMESTAMPS",
        "rate=0",
        "count=-1",
        f"opentelemetry,url={spans_url}",
        "opentelemetry,resource=service.name=triton",
        "opentelemetry,bsp_schedule_delay=200",
    )
    return [f"--trace-config={option}" for option in options]


class TritonProcess:
    """One running tritonserver with its stubs and shared memory."""

    def __init__(self, install: TritonInstall, view: Path, settings: StackSettings) -> None:
        self.admin_secret = secrets.token_urlsafe(32)
        self.addresses = TritonAddresses.of(settings)
        self._settings = settings
        self._prefix = region_prefix_of(settings)
        remove_regions(self._prefix)
        log_file = settings.log_dir / f"triton{settings.triton_suffix}.log"
        with suppress(FileNotFoundError):
            log_file.replace(log_file.with_suffix(".log.previous"))  # it may tell why that one died
        self.child = ChildProcess(
            "Triton",
            triton_command(install, view, settings, self.admin_secret),
            environment=install.environment(),
            log_file=log_file,
        )

    def stop(self, grace_seconds: float | None = None) -> None:
        """Let requests in flight finish, end the process group, and give back /dev/shm.

        Args:
            grace_seconds: How long it may take; by default somewhat longer than Triton's own limit.
        """
        if grace_seconds is None:
            grace_seconds = self._settings.exit_timeout_seconds + 3
        self.child.stop(grace_seconds)
        remove_regions(self._prefix)

    def kill(self) -> None:
        """End the process group at once, of a server that hangs or has ended by itself."""
        self.stop(grace_seconds=0.0)


def wait_until_live(
    connection: TritonConnection,
    child: ChildProcess,
    timeout_seconds: float,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until a started Triton answers at all.

    Args:
        connection: To that Triton.
        child: Its process.
        timeout_seconds: How long it may take.
        pause: Waits so many seconds; a true answer gives up.

    Raises:
        StartFailed: it ended, took too long, or nobody waits any more.
    """
    deadline = time.monotonic() + timeout_seconds
    while not connection.is_live(timeout_seconds=1.0):
        if child.exit_code() is not None:
            raise StartFailed(f"Triton ended while starting: {child.last_words()}")
        if time.monotonic() > deadline or pause(0.05):
            raise StartFailed("Triton did not answer in time")
