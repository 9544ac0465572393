"""/v1/routes/{alias}: what an alias means now and has meant, and how somebody changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Body, Caller, decoded
from ui.calls.readiness import as_moment


class NamedArmBody(TypedDict):
    """One release behind an alias, with the name that reports give it."""

    release: str
    weight: int
    name: str


class ShadowBody(TypedDict):
    """A release that gets copies."""

    release: str
    percent: float


class MeaningBody(TypedDict):
    """What an alias means, or meant."""

    arms: list[NamedArmBody]
    shadow: ShadowBody | None
    sticky: str
    revision: int


class ChangeBody(MeaningBody):
    """One state of a route, and who brought it about."""

    at: str
    by: str
    action: str
    reason: str
    rollout_id: str | None
    rolls_back_to: int | None


class HistoryBody(TypedDict):
    """GET /v1/routes/{alias}/history."""

    changes: list[ChangeBody]


@dataclass(frozen=True)
class NamedArm:
    """A release, its weight, and what reports call it; empty is the release's own name."""

    release: str
    weight: int
    name: str = ""


@dataclass(frozen=True)
class Shadow:
    """A release that gets copies of so many percent of the requests; nobody gets its answers."""

    release: str
    percent: float


@dataclass(frozen=True)
class Meaning:
    """What an alias means at one revision."""

    arms: tuple[NamedArm, ...]
    shadow: Shadow | None
    sticky: str
    revision: int

    @property
    def shares(self) -> dict[str, float]:
        """Each arm's percent of the traffic, arms without any among them."""
        total = sum(arm.weight for arm in self.arms)
        return {arm.release: 100 * arm.weight / total if total else 0.0 for arm in self.arms}


@dataclass(frozen=True)
class SeenRoute:
    """A route as somebody saw it; its ETag tells whether it is still so."""

    alias: str
    meaning: Meaning
    etag: str


@dataclass(frozen=True)
class RouteChange:
    """One state of a route, and who brought it about.

    Attributes:
        rolls_back_to: The revision that a rollback of this one brings back, if one can.
    """

    meaning: Meaning
    at: datetime
    by: str
    action: str
    reason: str
    rollout_id: str | None
    rolls_back_to: int | None


def look_at_route(caller: Caller, alias: str) -> SeenRoute:
    """Ask what an alias means now.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    response = caller.fetch("GET", _path(alias))
    return SeenRoute(alias, decoded(response, decode_meaning), response.headers.get("ETag", ""))


def set_route(caller: Caller, seen: SeenRoute, wanted: Meaning, reason: str) -> None:
    """Let an alias mean something else, if it still means what was seen.

    Raises:
        GatewayProblem: RequestRefused with 412 where somebody was faster.
    """
    shadow = wanted.shadow
    body = {
        "arms": [
            {"release": arm.release, "weight": arm.weight, "name": arm.name} for arm in wanted.arms
        ],
        "shadow": shadow and {"release": shadow.release, "percent": shadow.percent},
        "sticky": wanted.sticky,
        "reason": reason,
    }
    caller.tell(
        "PUT", _path(seen.alias), decode_meaning, body=Body.of_json(body), if_match=seen.etag
    )


def promote(caller: Caller, seen: SeenRoute, release: str, reason: str) -> None:
    """Give everything to one release; as in `set_route`."""
    _move(caller, seen, "promote", {"release": release, "reason": reason})


def roll_back(caller: Caller, seen: SeenRoute, reason: str) -> None:
    """Bring back what the alias meant before; as in `set_route`."""
    _move(caller, seen, "rollback", {"reason": reason})


def _move(caller: Caller, seen: SeenRoute, what: str, body: Mapping[str, object]) -> None:
    told = Body.of_json({"revision": seen.meaning.revision, **body})
    caller.tell("POST", f"{_path(seen.alias)}/{what}", decode_meaning, body=told)


def list_changes(
    caller: Caller, alias: str, *, limit: int, before: int | None = None
) -> tuple[RouteChange, ...]:
    """What an alias has meant, newest first.

    Args:
        caller: Whom to ask.
        alias: Of the route.
        limit: How many at most.
        before: Only smaller revisions.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    query = {"limit": limit} if before is None else {"limit": limit, "before": before}
    return caller.look(f"{_path(alias)}/history", decode_changes, query=query, is_quick=False)


def what_rollback_brings(caller: Caller, alias: str) -> RouteChange | None:
    """The state that a rollback would bring back; None where there is nothing before.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    for now in list_changes(caller, alias, limit=1):
        if now.rolls_back_to is not None:
            then = list_changes(caller, alias, limit=1, before=now.rolls_back_to + 1)
            return then[0] if then else None
    return None


def decode_meaning(body: MeaningBody) -> Meaning:
    """Decode GET /v1/routes/{alias}."""
    shadow = body["shadow"]
    return Meaning(
        arms=tuple(
            NamedArm(str(arm["release"]), int(arm["weight"]), str(arm["name"]))
            for arm in body["arms"]
        ),
        shadow=shadow and Shadow(str(shadow["release"]), float(shadow["percent"])),
        sticky=str(body["sticky"]),
        revision=int(body["revision"]),
    )


def decode_changes(body: HistoryBody) -> tuple[RouteChange, ...]:
    """Decode GET /v1/routes/{alias}/history."""
    return tuple(
        RouteChange(
            meaning=decode_meaning(it),
            at=as_moment(it["at"]),
            by=str(it["by"]),
            action=str(it["action"]),
            reason=str(it["reason"]),
            rollout_id=it["rollout_id"],
            rolls_back_to=it["rolls_back_to"],
        )
        for it in body["changes"]
    )


def _path(alias: str) -> str:
    return f"/v1/routes/{quote(alias, safe='')}"
