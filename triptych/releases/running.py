"""What the supervisors of a running stack have loaded, and asking them to load more."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import httpx

from triptych.errors import CallFailed, NotRunning
from triptych.routing import ReleaseName, first_routes
from triptych.stack.stack_file import StackFile, read_stack
from triptych.stack.state_lock import lock_holder

_ASK_SECONDS: Final = 5.0
# Loading and replaying have deadlines of their own in the supervisor; this one is for its silence.
_LOAD_SECONDS: Final = 300.0


def loaded_releases(state_dir: Path) -> set[ReleaseName]:
    """Everything that the stack of a state folder serves; empty where no stack runs.

    Raises:
        NotRunning: a stack is there, but cannot be asked: it is starting, or ended in disorder.
        CallFailed: a supervisor does not answer.
    """
    try:
        stack = read_stack(state_dir)
    except NotRunning:
        if lock_holder(state_dir) is not None:
            raise NotRunning(f"A stack is starting in {state_dir}; wait until it is up.") from None
        if (state_dir / "stack.json").exists():
            raise
        return set()
    names = (
        ReleaseName.parse(name)
        for triton in stack.tritons
        for name in _call("GET", f"{triton.supervisor}/releases", _ASK_SECONDS)
    )
    return {name for name in names if name}


def load_release(stack: StackFile, release: ReleaseName) -> None:
    """Ask every supervisor to load a release and to prove it.

    Raises:
        CallFailed: one of them refuses, with its own sentence, or does not answer.
    """
    for triton in stack.tritons:
        _call("POST", f"{triton.supervisor}/releases/{release}/load", _LOAD_SECONDS)


def route_of(stack: StackFile, alias: str) -> ReleaseName | None:
    """Which loaded release the alias means, if any.

    Raises:
        CallFailed: the supervisor does not answer.
    """
    found = _call("GET", f"{stack.tritons[0].supervisor}/releases", _ASK_SECONDS)
    promotable = (ReleaseName.parse(name) for name, it in found.items() if it["promotable"])
    return first_routes(name for name in promotable if name).get(alias)


def _call(method: str, url: str, timeout_seconds: float) -> dict[str, Any]:
    timeout = httpx.Timeout(timeout_seconds, connect=_ASK_SECONDS)
    try:
        # trust_env=False: a proxy variable meant for the internet must not catch loopback.
        response = httpx.request(method, url, timeout=timeout, trust_env=False)
    except httpx.HTTPError as exc:
        raise CallFailed(f"The supervisor does not answer at {url}: {exc}") from exc
    try:
        body = response.json()
    except ValueError:
        body = None
    match body:
        case {"error": str(sentence)}:
            raise CallFailed(sentence)
        case dict() if response.is_success:
            return dict(body)
        case _:
            raise CallFailed(f"The supervisor answered {response.status_code} at {url}.")
