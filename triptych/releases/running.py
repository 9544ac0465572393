"""What the supervisors of a running stack have loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import httpx

from triptych.errors import CallFailed, NotRunning
from triptych.routing import ReleaseName
from triptych.stack.stack_file import read_stack
from triptych.stack.state_lock import lock_holder

_ASK_SECONDS: Final = 5.0


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
        for name in _ask(f"{triton.supervisor}/releases")
    )
    return {name for name in names if name}


def _ask(url: str) -> dict[str, Any]:
    try:
        # trust_env=False: a proxy variable meant for the internet must not catch loopback.
        response = httpx.get(url, timeout=_ASK_SECONDS, trust_env=False)
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
