"""Ask a supervisor to do something about a release, and understand its answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import httpx

from gateway.data_plane.servers.server import Server

# Loading, replaying and waiting for quiet have deadlines of their own in the supervisor.
_ORDER_TIMEOUT: Final = httpx.Timeout(300.0, connect=2.0)
_LIST_TIMEOUT: Final = httpx.Timeout(5.0, connect=2.0)


class Said(Enum):
    """What came of an order."""

    DONE = auto()
    UNKNOWN = auto()  # it has no such release
    REFUSED = auto()  # it says why
    SILENT = auto()  # it did not answer, or its Triton cannot now


@dataclass(frozen=True)
class Reply:
    """One supervisor's answer to an order."""

    server: str
    said: Said
    sentence: str = ""


async def order(server: Server, release: str, what: str, engine: str | None = None) -> Reply:
    """Have a release loaded, on an engine of its own, or unloaded; `what` ends the path."""
    # Loads are ordered only once the routes are such that they move no traffic.
    query = {"routes_are_kept": "true", **({} if engine is None else {"engine": engine})}
    path = f"/releases/{release}/{what}"
    try:
        response = await server.supervisor.post(path, params=query, timeout=_ORDER_TIMEOUT)
    except httpx.HTTPError as exc:
        return Reply(server.name, Said.SILENT, f"its supervisor does not answer: {exc!r}")
    return _reply(server, response)


async def look(server: Server, path: str) -> tuple[Reply, object]:
    """What a supervisor tells, with why it does not; None where it does not."""
    try:
        response = await server.supervisor.get(path, timeout=_LIST_TIMEOUT)
        reply = _reply(server, response)
        return reply, response.json() if reply.said is Said.DONE else None
    except (httpx.HTTPError, ValueError) as exc:
        return Reply(server.name, Said.SILENT, f"its supervisor does not answer: {exc!r}"), None


async def ask(server: Server, path: str) -> dict[str, Any]:
    """A JSON object that a supervisor tells; empty where it does not."""
    try:
        response = await server.supervisor.get(path, timeout=_LIST_TIMEOUT)
        body = response.json() if response.is_success else {}
    except (httpx.HTTPError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _reply(server: Server, response: httpx.Response) -> Reply:
    if response.is_success:
        return Reply(server.name, Said.DONE)
    sentence = _sentence(response)
    if response.status_code == HTTPStatus.NOT_FOUND:
        return Reply(server.name, Said.UNKNOWN, sentence)
    is_refused = response.status_code == HTTPStatus.CONFLICT
    return Reply(server.name, Said.REFUSED if is_refused else Said.SILENT, sentence)


def _sentence(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"its supervisor answered {response.status_code}"
