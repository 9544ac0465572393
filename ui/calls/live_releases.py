"""Which releases a key may ask by their names, and what each of them does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Caller
from ui.calls.identity import Identity
from ui.calls.routes import IMAGE_TASK, TEXT_TASK
from ui.errors import RequestRefused

# An alias has no underscore: that is how the two are told apart.
_NUMBER_SIGN = "_r"
_TASK_OF_INPUT = {"IMAGE": IMAGE_TASK, "TEXT": TEXT_TASK}
# Not for this key, not there, not loaded now.
_NOT_TO_BE_ASKED = frozenset({403, 404, 503})


class OnServerBody(TypedDict):
    """One loaded release on one Triton."""

    state: str


class ReleaseBody(TypedDict):
    """One release on a disk or in memory."""

    release: str
    task: str | None
    servers: list[OnServerBody]


class ReleasesBody(TypedDict):
    """GET /v1/admin/releases."""

    releases: list[ReleaseBody]


class TensorBody(TypedDict):
    """One tensor of a model."""

    name: str


class ModelBody(TypedDict):
    """GET /v2/models/{release}."""

    inputs: list[TensorBody]


@dataclass(frozen=True, order=True)
class LiveRelease:
    """A release that answers now, and what it does."""

    name: str
    task: str

    @property
    def alias(self) -> str:
        """Whose release it is."""
        return self.name.rpartition(_NUMBER_SIGN)[0]


def may_name_releases(identity: Identity | None) -> bool:
    """Whether a key may ask releases by their names."""
    if identity is None or not identity.may_predict:
        return False
    return bool(_named(identity)) or (identity.is_admin and identity.allowed is None)


def live_releases(caller: Caller, identity: Identity) -> tuple[LiveRelease, ...]:
    """Ask which releases answer now and may be asked with this key, by name.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    if identity.is_admin:
        # Disks are read for it, so it may take longer than what a page usually asks.
        found = caller.look("/v1/admin/releases", decode_live_releases, is_quick=False)
        allowed = identity.allowed
        return tuple(it for it in found if allowed is None or it.name in allowed)
    tasks = {name: _task_of(caller, name) for name in _named(identity)}
    return tuple(LiveRelease(name, task) for name, task in tasks.items() if task is not None)


def decode_live_releases(body: ReleasesBody) -> tuple[LiveRelease, ...]:
    """Decode GET /v1/admin/releases: what is ready on one Triton at least, by name."""
    return tuple(
        sorted(
            LiveRelease(str(it["release"]), str(it["task"]))
            for it in body["releases"]
            if it["task"] in _TASK_OF_INPUT.values()
            and any(server["state"] == "ready" for server in it["servers"])
        )
    )


def decode_task(body: ModelBody) -> str | None:
    """Decode GET /v2/models/{release}: the task that goes with its input."""
    return _TASK_OF_INPUT.get(body["inputs"][0]["name"])


def _named(identity: Identity) -> list[str]:
    return sorted(name for name in identity.allowed or () if _NUMBER_SIGN in name)


def _task_of(caller: Caller, release: str) -> str | None:
    try:
        return caller.look(f"/v2/models/{quote(release, safe='')}", decode_task)
    except RequestRefused as refusal:
        if refusal.status in _NOT_TO_BE_ASKED:
            return None
        raise
