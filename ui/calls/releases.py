"""/v1/admin/releases: what is on disk, loaded, ready, routed; load and unload; one in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Body, Caller
from ui.calls.readiness import as_moment

_PATH = "/v1/admin/releases"
# Longer than the gateway itself waits for its supervisors.
ORDER_SECONDS = 330.0

READY = "ready"
LOADING = "loading"


class OnServerBody(TypedDict):
    """One loaded release on one Triton."""

    server: str
    state: str
    since: str
    reason: str | None
    engine: str
    memory_bytes: int | None


class ReleaseBody(TypedDict):
    """One release."""

    release: str
    task: str | None
    promotable: bool | None
    created: str | None
    semver: str | None
    size_bytes: int | None
    broken: str | None
    routed_by: list[str]
    is_wanted: bool | None
    servers: list[OnServerBody]


class ReleasesBody(TypedDict):
    """GET /v1/admin/releases."""

    releases: list[ReleaseBody]


@dataclass(frozen=True)
class OnServer:
    """A release in the memory of one Triton.

    Attributes:
        state: As the supervisor tells it: loading, ready, healing, failing.
        reason: Why, where it is not ready.
        memory_bytes: None where nobody can tell.
    """

    server: str
    state: str
    since: datetime
    reason: str | None
    engine: str
    memory_bytes: int | None


@dataclass(frozen=True)
class Release:
    """One release: on disk, in memory, in routes.

    Attributes:
        broken: Why its files cannot be used; None where they can.
        routed_by: Aliases of which it is an arm or the shadow.
        servers: Tritons that have it in their memory.
    """

    name: str
    task: str
    is_promotable: bool
    created: str
    semver: str | None
    size_bytes: int | None
    broken: str | None
    routed_by: tuple[str, ...]
    servers: tuple[OnServer, ...]

    @property
    def alias(self) -> str:
        """The alias that it is made for, by its name."""
        return self.name.rpartition("_r")[0]

    @property
    def is_ready(self) -> bool:
        """Whether every Triton that has it answers rightly, and one has it."""
        return bool(self.servers) and all(it.state == READY for it in self.servers)


def list_releases(caller: Caller) -> tuple[Release, ...]:
    """Ask what there is.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    return caller.look(_PATH, decode_releases, is_quick=False)


def load_release(caller: Caller, release: str, reason: str) -> None:
    """Have every Triton load it; takes as long as that takes.

    Raises:
        GatewayProblem: RequestRefused where one cannot, with the reason.
    """
    _order(caller, release, "load", reason)


def unload_release(caller: Caller, release: str, reason: str) -> None:
    """Have every Triton give its memory back, once nobody asks it any more.

    Raises:
        GatewayProblem: RequestRefused where it is in use.
    """
    _order(caller, release, "unload", reason)


def _order(caller: Caller, release: str, what: str, reason: str) -> None:
    caller.tell(
        "POST",
        f"{_PATH}/{quote(release, safe='')}/{what}",
        _decode_nothing,
        body=Body.of_json({"reason": reason}),
        patience_seconds=ORDER_SECONDS,
    )


def _decode_nothing(_body: Mapping[str, object]) -> None:
    """What came of it is seen in the list."""


def decode_releases(body: ReleasesBody) -> tuple[Release, ...]:
    """Decode GET /v1/admin/releases, in the gateway's order."""
    return tuple(_release(it) for it in body["releases"])


def _release(body: ReleaseBody) -> Release:
    size_bytes, broken = body["size_bytes"], body["broken"]
    return Release(
        name=str(body["release"]),
        task=str(body["task"] or ""),
        is_promotable=body["promotable"] is True,
        created=str(body["created"] or ""),
        semver=None if body["semver"] is None else str(body["semver"]),
        size_bytes=None if size_bytes is None else int(size_bytes),
        broken=None if broken is None else str(broken),
        routed_by=tuple(str(alias) for alias in body["routed_by"]),
        servers=tuple(_on_server(it) for it in body["servers"]),
    )


def _on_server(body: OnServerBody) -> OnServer:
    memory_bytes, reason = body["memory_bytes"], body["reason"]
    return OnServer(
        server=str(body["server"]),
        state=str(body["state"]),
        since=as_moment(body["since"]),
        reason=None if reason is None else str(reason),
        engine=str(body["engine"]),
        memory_bytes=None if memory_bytes is None else int(memory_bytes),
    )
