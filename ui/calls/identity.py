"""GET /v1/key: whose key this is and what it may do, so that the page shows nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from ui.calls.gateway_http import Caller
from ui.calls.readiness import as_moment

ADMIN = "admin"
PREDICT = "predict"


class KeyBody(TypedDict):
    """GET /v1/key."""

    id: str
    name: str
    scopes: list[str]
    allowed: list[str] | None
    expires_at: str | None


@dataclass(frozen=True)
class Identity:
    """A key as its holder may know it.

    Attributes:
        key_id: What logs and the audit call it.
        name: For people.
        scopes: What it may do, as the gateway names it.
        allowed: Aliases and releases that it may ask; None is every alias.
        expires_at: From then on it opens nothing; None is never.
    """

    key_id: str
    name: str
    scopes: frozenset[str]
    allowed: frozenset[str] | None = None
    expires_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """Whether it may do everything."""
        return ADMIN in self.scopes

    @property
    def may_predict(self) -> bool:
        """Whether it may ask a model."""
        return self.is_admin or PREDICT in self.scopes


def ask_identity(caller: Caller) -> Identity:
    """Ask whose key this is.

    Raises:
        GatewayProblem: In one of its forms; RequestRefused with 401 where nobody knows the key.
    """
    return caller.look("/v1/key", decode_identity)


def decode_identity(body: KeyBody) -> Identity:
    """Decode GET /v1/key."""
    allowed, expires_at = body["allowed"], body["expires_at"]
    return Identity(
        key_id=str(body["id"]),
        name=str(body["name"]),
        scopes=frozenset(str(scope) for scope in body["scopes"]),
        allowed=None if allowed is None else frozenset(str(name) for name in allowed),
        expires_at=None if expires_at is None else as_moment(expires_at),
    )
