"""What runs, and whether each part answers: asked of the parts themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from triptych.stack.stack_file import ProcessEntry, read_stack, seconds_at_start


@dataclass(frozen=True)
class PartStatus:
    """One process."""

    name: str
    url: str
    """Empty of one that answers nobody."""
    is_ready: bool
    since: str | None
    reason: str | None
    restarts: int = 0


@dataclass(frozen=True)
class StackStatus:
    """The whole stack."""

    parts: tuple[PartStatus, ...]
    releases: dict[str, dict[str, Any]]

    @property
    def is_ready(self) -> bool:
        """Whether all of it is."""
        return all(part.is_ready for part in self.parts)

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {"ready": self.is_ready, **asdict(self)}


def read_status(state_dir: Path) -> StackStatus:
    """Ask every part of the stack that runs in this state folder.

    Raises:
        NotRunning: nothing does.
    """
    stack = read_stack(state_dir)
    parts = [
        _ask(f"triton-{index}" if index else "triton", it.supervisor, "/readyz", it.restarts)
        for index, it in enumerate(stack.tritons)
    ]
    parts.append(_ask("gateway", stack.gateway.url, "/readyz", stack.gateway.restarts))
    if stack.worker:
        parts.append(_look_at("worker", stack.worker))
    if stack.ui:
        parts.append(_ask("ui", stack.ui.url, "/_stcore/health", stack.ui.restarts))
    told = (_releases(triton.supervisor) for triton in stack.tritons)
    return StackStatus(tuple(parts), next((releases for releases in told if releases), {}))


def _ask(name: str, url: str, probe: str, restarts: int) -> PartStatus:
    try:
        response = httpx.get(f"{url}{probe}", timeout=3.0, trust_env=False)
    except httpx.HTTPError as exc:
        return PartStatus(name, url, False, None, f"no answer: {exc}", restarts)
    said: dict[str, Any] = {}
    if response.headers.get("content-type", "").startswith("application/json"):
        said = response.json()
    since, reason = said.get("since"), said.get("reason")
    return PartStatus(name, url, response.is_success, since, reason, restarts)


def _look_at(name: str, process: ProcessEntry) -> PartStatus:
    is_there = seconds_at_start(process.pid) is not None
    reason = None if is_there else f"process {process.pid} is gone; it is started again"
    return PartStatus(name, "", is_there, None, reason, process.restarts)


def _releases(supervisor: str) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = httpx.get(
            f"{supervisor}/releases", timeout=3.0, trust_env=False
        ).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return found
