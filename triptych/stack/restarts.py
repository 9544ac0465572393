"""`triptych restart`: one part of a running stack after another ends and comes back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from triptych.errors import CallFailed, NotRunning, StartFailed
from triptych.stack.stack_file import StackFile, read_stack

_ASK_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.1

Say = Callable[[str], None]


def restart_tritons(
    stack: StackFile,
    places: Sequence[int],
    say: Say,
    patience_seconds: float,
    headers: Mapping[str, str],
) -> None:
    """Restart some Tritons, each only while all others are ready and the last one is back.

    Args:
        stack: What runs.
        places: Which of its Tritons.
        say: Is told each step.
        patience_seconds: How long one may take to come back.
        headers: What the supervisors want to see.

    Raises:
        StartFailed: one does not come back; those behind it are left as they are.
        CallFailed: a supervisor refuses.
    """
    with httpx.Client(timeout=_ASK_SECONDS, trust_env=False, headers=dict(headers)) as http:
        urls = [triton.supervisor for triton in stack.tritons]
        for place in places:
            others = [url for url in urls if url != urls[place]]
            _wait(
                lambda others=others: all(_is_ready(_status(http, it)) for it in others),  # type: ignore[misc]  # a default binds the loop's value
                patience_seconds,
                f"Triton {place} was not restarted, because another one is not ready; see: "
                "triptych status",
            )
            _restart_one(http, urls[place], place, say, patience_seconds)


def _restart_one(
    http: httpx.Client, url: str, place: int, say: Say, patience_seconds: float
) -> None:
    before = _status(http, url)
    if before is None:
        raise CallFailed(f"The supervisor of Triton {place} at {url} does not answer.")
    answer = http.post(f"{url}/restart")
    if answer.status_code != HTTPStatus.ACCEPTED:
        raise CallFailed(f"Triton {place} is not restarted: {_reason(answer)}")
    say(f"Triton {place} drains and ends")
    started = time.monotonic()

    def is_back() -> bool:
        now = _status(http, url)
        return _is_ready(now) and _life(now) != _life(before)

    _wait(is_back, patience_seconds, f"Triton {place} did not come back; see: triptych status")
    say(f"Triton {place} is ready again after {time.monotonic() - started:.1f} s")


def restart_gateway(stack: StackFile, say: Say, patience_seconds: float) -> None:
    """Replace the gateway's workers, one after the other; its socket stays open.

    Raises:
        NotRunning: it is not there at the moment.
        StartFailed: the new ones do not serve; then the old ones go on.
    """
    old = _children(stack.gateway.pid)
    if not old:
        raise NotRunning("The gateway is not there at the moment; see: triptych status")
    started = time.monotonic()
    os.kill(stack.gateway.pid, signal.SIGHUP)
    say(f"The gateway replaces its workers, pid {', '.join(map(str, sorted(old)))}")

    def is_replaced() -> bool:
        now = _children(stack.gateway.pid)
        return bool(now) and not now & old

    _wait(
        is_replaced,
        patience_seconds,
        "The gateway has kept an old worker: a new one did not come up, or a request takes long; "
        "see its log, and: triptych status",
    )
    say(f"The gateway answers with new workers after {time.monotonic() - started:.1f} s")


def restart_ui(state_dir: Path, stack: StackFile, say: Say, patience_seconds: float) -> None:
    """End the UI; `triptych up` starts it again.

    Raises:
        NotRunning: the stack was started without it.
        StartFailed: it does not come back.
    """
    if stack.ui is None:
        raise NotRunning("This stack was started with --no-ui.")
    old, started = stack.ui, time.monotonic()
    with suppress(ProcessLookupError):
        os.kill(old.pid, signal.SIGTERM)
    say("The UI ends")

    def is_back() -> bool:
        with suppress(NotRunning, httpx.HTTPError):
            now = read_stack(state_dir).ui
            probe = f"{old.url}/_stcore/health"
            return (
                now is not None
                and now.pid != old.pid
                and httpx.get(probe, timeout=_ASK_SECONDS, trust_env=False).is_success
            )
        return False

    _wait(is_back, patience_seconds, "The UI did not come back; see its log")
    say(f"The UI answers again after {time.monotonic() - started:.1f} s")


def _children(pid: int) -> set[int]:
    """Workers that live."""
    with suppress(psutil.NoSuchProcess):
        return {it.pid for it in psutil.Process(pid).children() if it.is_running()}
    return set()


def _status(http: httpx.Client, url: str) -> dict[str, Any] | None:
    with suppress(httpx.HTTPError, ValueError):
        answer = http.get(f"{url}/status")
        if answer.is_success:
            said: dict[str, Any] = answer.json()
            return said
    return None


def _is_ready(status: dict[str, Any] | None) -> bool:
    return status is not None and status.get("ready") is True


def _life(status: dict[str, Any] | None) -> tuple[object, object]:
    """Changes whenever tritonserver was started anew."""
    return (status.get("instance"), status.get("starts")) if status else (None, None)


def _reason(answer: httpx.Response) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["error"])
    return f"its supervisor answers {answer.status_code}"


def _wait(is_so: Callable[[], bool], patience_seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + patience_seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise StartFailed(otherwise)
        time.sleep(_PAUSE_SECONDS)
