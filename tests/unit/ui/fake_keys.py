"""/v1/admin/keys as a page sees it, in front of the rest of the fake gateway."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.unit.ui.fake_gateway import FakeGateway, error_body

NEW_SECRET = "tri_shown_only_once"
NOTHING = {"requests": 0, "items": 0, "body_bytes": 0, "refused": 0}


def listed_key(key_id: str, name: str, **changes: object) -> dict[str, Any]:
    """One key as the gateway lists it."""
    usage = {"today": NOTHING, "last_30_days": NOTHING, "last_used_at": None}
    return {
        "id": key_id,
        "name": name,
        "tenant": key_id,
        "scopes": ["predict"],
        "allowed": None,
        "priority": "interactive",
        "expires_at": None,
        "requests_per_minute": None,
        "bytes_per_minute": None,
        "max_concurrency": None,
        "created_at": "2026-01-31T12:00:00Z",
        "revoked_at": None,
        "usage": usage,
        **changes,
    }


@dataclass
class FakeKeys(FakeGateway):
    """Lists `keys`; answers every order, and remembers what was ordered."""

    scopes: list[str] = field(default_factory=lambda: ["admin"])
    keys: list[dict[str, Any]] = field(default_factory=list)
    # Answers in place of the list, and in place of an order's outcome.
    list_refusal: tuple[int, object] | None = None
    order_refusal: tuple[int, object] | None = None
    # Of a key that is made or rotated.
    issued_id: str = "feedbeef0001"
    orders: list[tuple[str, str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if not self.is_up or not path.startswith("/v1/admin/keys"):
            return super().__call__(request)
        self.requests.append(request)
        if request.method == "GET":
            status, body = self.list_refusal or (200, {"keys": self.keys})
            return httpx.Response(status, json=body)
        return self._order(request)

    def _order(self, request: httpx.Request) -> httpx.Response:
        if self.order_refusal is not None:
            status, body = self.order_refusal
            return httpx.Response(status, json=body)
        wish = json.loads(request.content) if request.content else None
        self.orders.append((request.method, request.url.path, wish))
        if request.method == "DELETE":
            return httpx.Response(204)
        key = listed_key(self.issued_id, (wish or {}).get("name", "phone"))
        del key["usage"]
        if request.method == "POST":
            return httpx.Response(201, json={**key, "key": NEW_SECRET})
        return httpx.Response(200, json=key)


def refused(status: int, code: str) -> tuple[int, object]:
    """An answer that refuses."""
    return status, error_body(code, "No, says the gateway.")
