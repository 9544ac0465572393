"""`triptych up`: start supervisor, gateway and UI side by side, prove the whole path, stop them.

None of the three waits for another: each tier comes up, fails and stays up alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from python_backends.shared.contract import Task
from triptych.client.gateway import GatewayConnection
from triptych.errors import StartFailed
from triptych.release import Release
from triptych.stack import services
from triptych.stack.child_process import ChildProcess, stop_all
from triptych.stack.preflight import check_environment, check_ports, check_state_dir
from triptych.stack.serving_view import read_releases
from triptych.stack.settings import StackSettings
from triptych.stack.stack_file import ServiceEntry, StackFile, TritonEntry, remove_stack_file
from triptych.stack.state_lock import state_lock
from triptych.stack.supervisor import desired_releases


@dataclass(frozen=True)
class Parts:
    """The started processes."""

    supervisor: ChildProcess
    gateway: ChildProcess
    ui: ChildProcess | None

    def all(self) -> list[ChildProcess]:
        """Every process there is."""
        return [part for part in (self.ui, self.gateway, self.supervisor) if part]


@contextmanager
def running_stack(
    settings: StackSettings, *, with_ui: bool, on_start: Callable[[], None]
) -> Iterator[StackFile]:
    """Start everything, hand out what runs where, and stop everything at the end.

    Args:
        settings: Where and on which ports.
        with_ui: Whether to start the UI too.
        on_start: Called when nothing speaks against a start any more.

    Raises:
        TriptychError: it cannot start here, or a part did not come up; nothing is left running.
    """
    check_state_dir(settings.state_dir)
    with state_lock(settings.state_dir):
        remove_stack_file(settings.state_dir)
        check_environment()
        check_ports(settings.ports(with_ui=with_ui))
        releases = read_releases(settings.model_repository)
        on_start()
        with _stopped_at_the_end(settings) as started:
            parts = Parts(
                supervisor=started(services.start_supervisor(settings)),
                gateway=started(services.start_gateway(settings)),
                ui=started(services.start_ui(settings)) if with_ui else None,
            )
            _wait_until_ready(settings, parts)
            _prove(settings, desired_releases(releases))
            stack = _describe(settings, parts)
            stack.write(settings.state_dir)
            yield stack


@contextmanager
def _stopped_at_the_end(
    settings: StackSettings,
) -> Iterator[Callable[[ChildProcess], ChildProcess]]:
    """Hand out what each start passes through; a signal may come between two of them."""
    children: list[ChildProcess] = []

    def started(child: ChildProcess) -> ChildProcess:
        children.append(child)
        return child

    try:
        yield started
    finally:
        remove_stack_file(settings.state_dir)
        stop_all(children, grace_seconds=settings.stop_seconds)


def _wait_until_ready(settings: StackSettings, parts: Parts) -> None:
    probes = {
        parts.supervisor: f"{services.supervisor_url(settings)}/readyz",
        parts.gateway: f"{services.gateway_url(settings)}/readyz",
    }
    if parts.ui:
        probes[parts.ui] = f"{services.ui_url(settings)}/_stcore/health"
    deadline = time.monotonic() + settings.start_timeout_seconds
    for part, url in probes.items():
        _wait_for(url, parts, part, deadline)


def _wait_for(url: str, parts: Parts, awaited: ChildProcess, deadline: float) -> None:
    while not _answers_ok(url):
        for part in parts.all():
            if part.exit_code() is not None:
                raise StartFailed(f"{part.name} did not start: {part.last_words()}")
        if time.monotonic() > deadline:
            raise StartFailed(f"{awaited.name} was not ready in time; see {awaited.log_file}")
        time.sleep(0.1)


def _answers_ok(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    return False


def _prove(settings: StackSettings, releases: list[Release]) -> None:
    """Send a golden input of each routed release through the gateway, as a user would."""
    key = settings.admin_key_file.read_text().strip()
    with GatewayConnection(services.gateway_url(settings), key) as gateway:
        for release in releases:
            golden = release.golden[0]
            answer = _ask(gateway, release, golden.file.read_bytes())
            label = answer["predictions"][0]["label"]
            if label != golden.label:
                raise StartFailed(
                    f"{release.name} answers {label!r} to {golden.file.name}, not {golden.label!r}"
                )


def _ask(gateway: GatewayConnection, release: Release, item: bytes) -> dict[str, Any]:
    if release.task is Task.TEXT_CLASSIFICATION:
        return gateway.classify_text(release.name.alias, item.decode())
    return gateway.classify_image(release.name.alias, item)


def _describe(settings: StackSettings, parts: Parts) -> StackFile:
    try:
        status: dict[str, Any] = httpx.get(
            f"{services.supervisor_url(settings)}/status", timeout=2.0, trust_env=False
        ).json()
    except (httpx.HTTPError, ValueError) as exc:
        raise StartFailed(f"Triton's supervisor stopped answering: {exc!r}") from exc
    triton = status["triton"]
    return StackFile(
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        tritons=(TritonEntry(**triton, supervisor=services.supervisor_url(settings)),),
        gateway=ServiceEntry(services.gateway_url(settings), parts.gateway.pid),
        ui=ServiceEntry(services.ui_url(settings), parts.ui.pid) if parts.ui else None,
    )
