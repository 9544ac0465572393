"""What an operator's gateway tells, on top of FakeGateway: releases, a route, rollouts, audit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.unit.ui.fake_gateway import FakeGateway, error_body

Reply = tuple[int, object]

SINCE = "2026-05-03T08:00:00Z"
CARD: dict[str, Any] = {
    "name": "digits_r1",
    "task": "image-classification",
    "promotable": True,
    "forced": True,
    "created": "2026-05-01T10:00:00+00:00",
    "semver": "1.4.0",
    "git_commit": "abc123",
    "precision": "fp32",
    "engine": "onnxruntime",
    "engines": ["onnxruntime", "openvino"],
    "max_batch_size": 32,
    "top_k": 2,
    "classes": 2,
    "labels": ["odd", "even"],
    "size_bytes": 851256,
    "golden": 12,
    "fingerprint": "0123456789abcdef",
    "model_sha256": "ab" * 32,
    "artifacts": {"digits_r1_model/1/model.onnx": "ab" * 32},
    "source": {"framework": "PyTorch"},
    "transform": {"resize": "stretch", "height_pixels": 48},
    "parity": {
        "passed": False,
        "inputs": 12,
        "top_1_agreement": 0.75,
        "scores": {"largest": 0.02},
        "failures": ["3 of 12 differ"],
    },
    "measurements": [
        {"name": "held_out", "accuracy": 0.9, "inputs": 10, "confusion": [[5, 0], [1, 4]]},
        {"name": "drawn", "accuracy": 1.0, "inputs": None, "confusion": None},
    ],
}


def a_release(name: str, *states: str, **fields: object) -> dict[str, Any]:
    """A release that is in so many Tritons' memory."""
    servers = [
        {
            "server": f"triton-{number}",
            "state": state,
            "since": SINCE,
            "reason": None,
            "engine": "onnxruntime",
            "memory_bytes": 120_000_000,
        }
        for number, state in enumerate(states)
    ]
    told = {
        "release": name,
        "task": "image-classification",
        "promotable": True,
        "created": "2026-05-01T10:00:00+00:00",
        "semver": None,
        "size_bytes": 851256,
        "broken": None,
        "routed_by": [],
        "is_wanted": None,
        "servers": servers,
    }
    return {**told, **fields}


def a_meaning(revision: int, **weights: int) -> dict[str, Any]:
    """What an alias means."""
    arms = [{"release": name, "weight": it, "name": ""} for name, it in weights.items()]
    return {"arms": arms, "shadow": None, "sticky": "header", "revision": revision}


def a_change(revision: int, back_to: int | None, **weights: int) -> dict[str, Any]:
    """One state of a route in its history."""
    return {
        **a_meaning(revision, **weights),
        "at": SINCE,
        "by": "admin",
        "action": "route.set",
        "reason": "less *noise*",
        "rollout_id": None,
        "rolls_back_to": back_to,
    }


def an_entry(number: int, action: str, **fields: object) -> dict[str, Any]:
    """One line of the audit."""
    told = {
        "id": number,
        "at": SINCE,
        "by": "admin",
        "key_id": "0123456789ab",
        "action": action,
        "subject": "digits",
        "reason": "",
        "detail": {},
    }
    return {**told, **fields}


@dataclass
class ReleasesGateway(FakeGateway):
    """Set a field to change an answer; `refusals` refuse by method and path."""

    scopes: list[str] = field(default_factory=lambda: ["admin"])
    releases: list[dict[str, Any]] = field(
        default_factory=lambda: [
            a_release("digits_r1", "ready", routed_by=["digits"]),
            a_release("digits_r2", "ready"),
            a_release("digits_r3"),
        ]
    )
    meaning: dict[str, Any] = field(default_factory=lambda: a_meaning(3, digits_r1=100))
    changes: list[dict[str, Any]] = field(
        default_factory=lambda: [a_change(3, 2, digits_r1=100), a_change(2, 1, digits_r2=100)]
    )
    rollouts: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    card: dict[str, Any] = field(default_factory=lambda: dict(CARD))
    refusals: dict[str, Reply] = field(default_factory=dict)
    on_order: Callable[[str], None] = lambda _path: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if not path.startswith(("/v1/admin/", "/v1/routes/")):
            return super().__call__(request)
        if not self.is_up:
            raise httpx.ConnectError("connection refused", request=request)
        request.read()
        self.requests.append(request)
        if request.method != "GET":
            self.on_order(path)
        status, body = self.refusals.get(f"{request.method} {path}") or self._told(request)
        return httpx.Response(status, json=body, headers={"ETag": self.etag})

    @property
    def etag(self) -> str:
        """Of the route, as it is now."""
        return f'"{hash(json.dumps(self.meaning))}"'

    def orders(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What was changed: method, path, body."""
        return [
            (it.method, it.url.path, json.loads(it.content))
            for it in self.requests
            if it.method != "GET" and not it.url.path.startswith("/v1/predict")
        ]

    def _told(self, request: httpx.Request) -> Reply:
        path, query = request.url.path, request.url.params
        if path.startswith("/v1/admin/rollouts"):
            return self._rollout(request.method, path)
        if path == "/v1/admin/releases":
            return 200, {"releases": self.releases}
        if path.startswith("/v1/admin/releases/"):
            return 200, {**self.card, "name": path.split("/")[4]}
        if path == "/v1/admin/audit":
            before = int(query.get("before", 10**9))
            found = [it for it in self.entries if it["id"] < before]
            return 200, {"entries": found[: int(query["limit"])]}
        if path.endswith("/history"):
            before = int(query.get("before", 10**9))
            changes = [it for it in self.changes if it["revision"] < before]
            return 200, {"changes": changes[: int(query["limit"])]}
        return 200, self.meaning

    def _rollout(self, method: str, path: str) -> Reply:
        if path == "/v1/admin/rollouts" and method == "GET":
            return 200, {"rollouts": self.rollouts}
        if not self.rollouts:
            return 404, error_body("unknown_rollout")
        return 200, self.rollouts[0]
