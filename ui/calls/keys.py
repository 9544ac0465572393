"""/v1/admin/keys: which keys there are, what they were used for; make, change, rotate, revoke."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import NotRequired, TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Body, Caller
from ui.calls.readiness import as_moment

KEYS = "/v1/admin/keys"
INTERACTIVE, BATCH = "interactive", "batch"
PRIORITIES = (INTERACTIVE, BATCH)


class UsageBody(TypedDict):
    """Counts of some days."""

    requests: int
    items: int
    body_bytes: int
    refused: int


class KeyUsageBody(TypedDict):
    """What a key was used for."""

    today: UsageBody
    last_30_days: UsageBody
    last_used_at: str | None


class ListedKeyBody(TypedDict):
    """One key as it is listed; a new one has no usage yet."""

    id: str
    name: str
    tenant: str
    scopes: list[str]
    allowed: list[str] | None
    priority: str
    expires_at: str | None
    requests_per_minute: int | None
    bytes_per_minute: int | None
    max_concurrency: int | None
    revoked_at: str | None
    usage: NotRequired[KeyUsageBody]


class KeysBody(TypedDict):
    """GET /v1/admin/keys."""

    keys: list[ListedKeyBody]


class IssuedKeyBody(ListedKeyBody):
    """A key as it is told once."""

    key: str


@dataclass(frozen=True)
class Usage:
    """Requests for predictions, images and texts in them, their bytes, how many were refused."""

    requests: int = 0
    items: int = 0
    body_bytes: int = 0
    refused: int = 0


@dataclass(frozen=True)
class KeyTerms:
    """What can be changed of a key; None is no limit.

    Attributes:
        allowed: Aliases and releases; None is every alias.
        priority: The best that it may ask for, one of PRIORITIES.
    """

    name: str
    allowed: tuple[str, ...] | None = None
    priority: str = INTERACTIVE
    expires_at: datetime | None = None
    requests_per_minute: int | None = None
    bytes_per_minute: int | None = None
    max_concurrency: int | None = None


@dataclass(frozen=True)
class ListedKey:
    """One key, but for itself.

    Attributes:
        last_used_at: For anything; None: not as long as usage is kept.
    """

    key_id: str
    tenant: str
    scopes: tuple[str, ...]
    terms: KeyTerms
    revoked_at: datetime | None
    today: Usage
    last_30_days: Usage
    last_used_at: datetime | None

    def has_ended(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        expires_at = self.terms.expires_at
        return self.revoked_at is not None or (expires_at is not None and now >= expires_at)


@dataclass(frozen=True)
class IssuedKey:
    """A key that was made or rotated just now; nobody can ask for it again.

    Attributes:
        secret: The key itself; kept out of repr so that it never reaches a log.
    """

    key_id: str
    name: str
    secret: str = field(repr=False)


def list_keys(caller: Caller) -> tuple[ListedKey, ...]:
    """Every key, revoked ones too, oldest first.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    # Of ten thousand keys the answer takes more than a moment.
    return caller.look(KEYS, decode_keys, is_quick=False)


def create_key(
    caller: Caller, terms: KeyTerms, *, scopes: tuple[str, ...], tenant: str | None
) -> IssuedKey:
    """Make a key.

    Raises:
        GatewayProblem: As above.
    """
    wish = {**terms_body(terms), "scopes": list(scopes), "tenant": tenant}
    return caller.tell("POST", KEYS, decode_issued_key, body=_json(wish))


def change_key(caller: Caller, key: ListedKey, terms: KeyTerms) -> None:
    """Change what differs, and nothing that somebody else may have changed meanwhile.

    Raises:
        GatewayProblem: As above; RequestRefused with `last_admin_key` where nobody could
            administer keys any more.
    """
    before = terms_body(key.terms)
    changes = {name: it for name, it in terms_body(terms).items() if it != before[name]}
    caller.fetch("PATCH", _path(key.key_id), body=_json(changes))


def rotate_key(caller: Caller, key_id: str, grace_seconds: int) -> IssuedKey:
    """Give a key a new secret; the old one is good for the time of grace.

    Raises:
        GatewayProblem: As above.
    """
    body = _json({"grace_seconds": grace_seconds})
    return caller.tell("POST", f"{_path(key_id)}/rotate", decode_issued_key, body=body)


def revoke_key(caller: Caller, key_id: str) -> None:
    """End a key at once.

    Raises:
        GatewayProblem: As in `change_key`.
    """
    caller.fetch("DELETE", _path(key_id))


def terms_body(terms: KeyTerms) -> dict[str, object]:
    """Terms as the gateway reads them."""
    body = {it.name: getattr(terms, it.name) for it in fields(terms)}
    if terms.expires_at is not None:
        body["expires_at"] = terms.expires_at.isoformat()
    return body


def decode_keys(body: KeysBody) -> tuple[ListedKey, ...]:
    """Decode GET /v1/admin/keys."""
    return tuple(_decode_key(key) for key in body["keys"])


def decode_issued_key(body: IssuedKeyBody) -> IssuedKey:
    """Decode the answer that holds the key itself."""
    return IssuedKey(str(body["id"]), str(body["name"]), str(body["key"]))


def _decode_key(body: ListedKeyBody) -> ListedKey:
    usage = body["usage"]
    return ListedKey(
        key_id=str(body["id"]),
        tenant=str(body["tenant"]),
        scopes=tuple(str(scope) for scope in body["scopes"]),
        terms=_decode_terms(body),
        revoked_at=_moment(body["revoked_at"]),
        today=_decode_usage(usage["today"]),
        last_30_days=_decode_usage(usage["last_30_days"]),
        last_used_at=_moment(usage["last_used_at"]),
    )


def _decode_terms(body: ListedKeyBody) -> KeyTerms:
    allowed = body["allowed"]
    return KeyTerms(
        name=str(body["name"]),
        allowed=None if allowed is None else tuple(str(name) for name in allowed),
        priority=str(body["priority"]),
        expires_at=_moment(body["expires_at"]),
        requests_per_minute=_amount(body["requests_per_minute"]),
        bytes_per_minute=_amount(body["bytes_per_minute"]),
        max_concurrency=_amount(body["max_concurrency"]),
    )


def _decode_usage(body: UsageBody) -> Usage:
    return Usage(
        int(body["requests"]), int(body["items"]), int(body["body_bytes"]), int(body["refused"])
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else as_moment(text)


def _amount(number: int | None) -> int | None:
    return None if number is None else int(number)


def _path(key_id: str) -> str:
    return f"{KEYS}/{quote(key_id, safe='')}"


def _json(body: Mapping[str, object]) -> Body:
    return Body(json.dumps(body).encode("ascii"), "application/json")
