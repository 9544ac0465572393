"""`triptych up`: start supervisors, gateway and UI, prove the whole path, add the worker, stop all.

None of them waits for another: each tier comes up, fails and stays up alone. Only the worker, whom
no request needs, leaves the processor to them until they answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from python_backends.shared.contract import Task
from triptych.errors import CallFailed, StartFailed
from triptych.release import Release
from triptych.stack import services
from triptych.stack.child_process import stop_all
from triptych.stack.keeper import Keeper, Parts
from triptych.stack.kept_part import KeptPart
from triptych.stack.leftovers import end_leftovers
from triptych.stack.loopback_http import ask
from triptych.stack.preflight import check_environment, check_ports, check_state_dir
from triptych.stack.serving_view import read_served_releases
from triptych.stack.settings import StackSettings
from triptych.stack.stack_file import remove_stack_file
from triptych.stack.state_lock import state_lock
from triptych.supervisor.desired_set import DesiredSet

# Longer than the gateway gives what is in flight (GATEWAY_SHUTDOWN_SECONDS).
GATEWAY_STOP_SECONDS: Final = 35.0
_PAUSE_SECONDS: Final = 0.05
_PROBE_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 30.0


@contextmanager
def running_stack(
    settings: StackSettings,
    *,
    with_ui: bool,
    on_start: Callable[[], None],
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Keeper]:
    """Start everything, hand out what keeps it up, and stop everything at the end.

    Args:
        settings: Where and on which ports.
        with_ui: Whether to start the UI too.
        on_start: Called when nothing speaks against a start any more.
        say: Is told each part that ended and is started again.

    Raises:
        TriptychError: it cannot start here, or a part did not come up; nothing is left running.
    """
    check_state_dir(settings.state_dir)
    with state_lock(settings.state_dir):
        remove_stack_file(settings.state_dir)
        check_environment()
        left = end_leftovers(settings.state_dir, settings.stop_seconds)
        if left:
            say(f"Ended what an earlier start had left: {', '.join(map(str, left))}.")
        check_ports(settings.ports(with_ui=with_ui))
        by_hand = DesiredSet(settings.desired_file).read()
        releases = read_served_releases(settings.model_repository, by_hand)
        on_start()
        with _stopped_at_the_end(settings) as parts:
            _start_all(settings, parts, with_ui=with_ui)
            _wait_until_ready(settings, parts)
            _prove(settings, releases)
            parts.worker = KeptPart(services.worker_service(settings), leftovers_seconds=1.0)
            keeper = Keeper(settings, parts, say)
            keeper.write_stack_file()
            yield keeper


@contextmanager
def _stopped_at_the_end(settings: StackSettings) -> Iterator[Parts]:
    """Hand out a list that every start is added to; a signal may come between two of them."""
    parts = Parts()
    try:
        yield parts
    finally:
        remove_stack_file(settings.state_dir)
        # The gateway finishes what is in flight, for which it still needs Triton.
        stop_all([part.child for part in parts.callers()], GATEWAY_STOP_SECONDS)
        stop_all([part.child for part in parts.supervisors], settings.stop_seconds)
        end_leftovers(settings.state_dir, settings.stop_seconds)


def _start_all(settings: StackSettings, parts: Parts, *, with_ui: bool) -> None:
    gateway = services.gateway_service(settings)
    for triton in settings.each_triton():
        leftovers_seconds = settings.exit_timeout_seconds + 3.0
        parts.supervisors.append(KeptPart(services.supervisor_service(triton), leftovers_seconds))
    parts.gateway = KeptPart(gateway, leftovers_seconds=1.0)
    if with_ui:
        parts.ui = KeptPart(services.ui_service(settings), leftovers_seconds=1.0)


def _wait_until_ready(settings: StackSettings, parts: Parts) -> None:
    deadline = time.monotonic() + settings.start_timeout_seconds
    for part in parts.all():
        _wait_for(part, parts, deadline)


def _wait_for(awaited: KeptPart, parts: Parts, deadline: float) -> None:
    while not _answers_ok(awaited.service.ready_url):
        for part in parts.all():
            if part.child.exit_code() is not None:
                raise StartFailed(f"{part.name} did not start: {part.child.last_words()}")
        if time.monotonic() > deadline:
            log_file = awaited.service.log_file
            raise StartFailed(f"{awaited.name} was not ready in time; see {log_file}")
        time.sleep(_PAUSE_SECONDS)


def _answers_ok(url: str | None) -> bool:
    if url is None:
        return True
    with suppress(CallFailed):
        return ask("GET", url, timeout_seconds=_PROBE_SECONDS).is_success
    return False


def _prove(settings: StackSettings, releases: list[Release]) -> None:
    """Send a golden input of each release through the gateway, as a user would.

    By its own name: what its alias means may have been changed by somebody.
    """
    key = settings.admin_key_file.read_text().strip()
    for release in releases:
        golden = release.golden[0]
        label = _label(settings, key, release, golden.file.read_bytes())
        if label != golden.label:
            raise StartFailed(
                f"{release.name} answers {label!r} to {golden.file.name}, not {golden.label!r}"
            )


def _label(settings: StackSettings, key: str, release: Release, item: bytes) -> str:
    kind = "application/octet-stream"
    if release.task is Task.TEXT_CLASSIFICATION:
        kind, item = "application/json", json.dumps({"text": item.decode()}).encode()
    answer = ask(
        "POST",
        f"{services.gateway_url(settings)}/v1/predict/{release.name}",
        headers={"Authorization": f"Bearer {key}", "Content-Type": kind},
        body=item,
        timeout_seconds=_ANSWER_SECONDS,
    )
    if not answer.is_success:
        told = answer.body.decode(errors="replace")
        raise StartFailed(f"{release.name} does not answer a golden input: {answer.status} {told}")
    return str(answer.json()["predictions"][0]["label"])
