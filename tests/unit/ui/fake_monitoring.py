"""A gateway with an hour to tell: its own samples, those of a Triton, and how each part is."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from tests.unit.ui.fake_gateway import FakeGateway

SINCE = "2026-05-03T08:00:00.000Z"


def a_time(seconds: int) -> str:
    """A moment after half past eight."""
    return f"2026-05-03T08:{30 + seconds // 60:02d}:{seconds % 60:02d}.000Z"


def a_row(
    outcome: str = "ok", requests: int = 10, release: str = "digits_r1", bucket: int = 40
) -> dict[str, object]:
    """All of them took as long."""
    return {
        "alias": "digits",
        "release": release,
        "outcome": outcome,
        "requests": requests,
        "queue_ms": 5.0 * requests,
        "latency": {"first": bucket, "counts": [requests]},
    }


def a_worker(seconds: int, *rows: dict[str, object], worker: int = 7) -> dict[str, object]:
    """A sample of one worker of the gateway."""
    return {
        "time": a_time(seconds),
        "worker": worker,
        "cpu_seconds": 0.5,
        "rss_bytes": 100 * 1024 * 1024,
        "waiting": {"digits_r1": 2} if rows else {},
        "in_flight": {"digits_r1": 3} if rows else {},
        "traffic": list(rows),
    }


def a_triton(seconds: int, *releases: str) -> dict[str, object]:
    """A sample of one Triton: batches of two, 1 ms before each step and 3 ms in it."""
    steps = [f"{name}_{step}" for name in releases for step in ("preprocess", "model")]
    return {
        "time": a_time(seconds),
        "models": {step: [10, 20, 10, 10.0, 30.0, 0] for step in [*releases, *steps]},
        "processes": {
            "tritonserver": [0.25, 50 * 1024 * 1024],
            **{step: [0.1, 10 * 1024 * 1024] for step in steps},
        },
        "gpus": {},
    }


def a_part(kind: str, name: str, **differs: object) -> dict[str, object]:
    """One that is well, unless told otherwise."""
    return {
        "kind": kind,
        "name": name,
        "server": None,
        "state": "ready",
        "is_well": True,
        "since": SINCE,
        "reason": None,
        **differs,
    }


@dataclass
class FakeMonitoring(FakeGateway):
    """Set a field to change what is told."""

    scopes: list[str] = field(default_factory=lambda: ["admin"])
    workers: list[dict[str, object]] = field(default_factory=list)
    tritons: dict[str, list[dict[str, object]]] = field(default_factory=lambda: {"triton-0": []})
    parts: list[dict[str, object]] = field(
        default_factory=lambda: [
            a_part("gateway", "gateway"),
            a_part("database", "database"),
            a_part("triton", "triton-0", state="serving"),
            a_part("release", "digits_r1", server="triton-0"),
        ]
    )
    heals: list[dict[str, object]] = field(default_factory=list)
    # By path: a status and a body in place of the answer.
    refused: dict[str, tuple[int, object]] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer what this fake has, else as any gateway."""
        path = request.url.path
        if not self.is_up or not path.startswith("/v1/admin/"):
            return super().__call__(request)
        self.requests.append(request)
        status, body = self.refused.get(path, (200, None))
        since = request.url.params.get("since", "")
        return httpx.Response(status, json=body or self._told(path, since))

    def _told(self, path: str, since: str) -> object:
        if path == "/v1/admin/health":
            return {"parts": self.parts, "heals": self.heals}
        if path == "/v1/admin/monitoring/gateway":
            samples = [it for it in self.workers if str(it["time"]) > since]
            return {"interval_seconds": 5, "bucket_ratio": 1.05, "samples": samples}
        return {
            "servers": [
                {
                    "name": name,
                    "interval_seconds": 5.0,
                    "fields": [
                        "requests",
                        "items",
                        "executions",
                        "queue_ms",
                        "compute_ms",
                        "failures",
                    ],
                    "process_fields": ["cpu_seconds", "rss_bytes"],
                    "gpu_fields": ["utilisation", "memory_used_bytes", "memory_total_bytes"],
                    "samples": [it for it in samples if str(it["time"]) > since],
                }
                for name, samples in self.tritons.items()
            ]
        }
