"""GET /v1/admin/health: the state of each part, and what was healed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from ui.calls.gateway_http import Caller
from ui.calls.readiness import as_moment


class PartBody(TypedDict):
    """One part."""

    kind: str
    name: str
    server: str | None
    state: str
    is_well: bool
    since: str
    reason: str | None


class HealBody(TypedDict):
    """One thing that was put right."""

    at: str
    server: str
    release: str | None
    cause: str
    seconds: float


class HealthBody(TypedDict):
    """GET /v1/admin/health."""

    parts: list[PartBody]
    heals: list[HealBody]


@dataclass(frozen=True)
class Part:
    """One part as it is now; since is None where nobody knows."""

    kind: str
    name: str
    server: str | None
    state: str
    is_well: bool
    since: datetime | None
    reason: str | None


@dataclass(frozen=True)
class Heal:
    """What went wrong and was put right; release is None where it was the server as a whole."""

    at: datetime
    server: str
    release: str | None
    cause: str
    seconds: float


@dataclass(frozen=True)
class Health:
    """All parts, and the heals, the newest first."""

    parts: tuple[Part, ...]
    heals: tuple[Heal, ...]


def ask_health(caller: Caller) -> Health:
    """Ask how each part is.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    return caller.look("/v1/admin/health", decode_health)


def decode_health(body: HealthBody) -> Health:
    """Decode GET /v1/admin/health, in the gateway's order."""
    return Health(tuple(map(_part, body["parts"])), tuple(map(_heal, body["heals"])))


def _part(body: PartBody) -> Part:
    return Part(
        kind=str(body["kind"]),
        name=str(body["name"]),
        server=_text(body["server"]),
        state=str(body["state"]),
        is_well=body["is_well"] is True,
        since=as_moment(body["since"]) if body["since"] else None,
        reason=_text(body["reason"]),
    )


def _heal(body: HealBody) -> Heal:
    return Heal(
        at=as_moment(body["at"]),
        server=str(body["server"]),
        release=_text(body["release"]),
        cause=str(body["cause"]),
        seconds=float(body["seconds"]),
    )


def _text(value: str | None) -> str | None:
    return None if value is None else str(value)
