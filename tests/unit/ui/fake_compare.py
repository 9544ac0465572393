"""A gateway with releases to compare and a shadow, beside what FakeGateway answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from tests.unit.ui.fake_gateway import DIGITS, FakeGateway, error_body
from tests.unit.ui.fake_previews import preview_answer

Answer = tuple[int, object]


def release_body(name: str, state: str = "ready", task: str = "image-classification") -> object:
    """One release as GET /v1/admin/releases has it, in the memory of one Triton."""
    return {"release": name, "task": task, "servers": [{"server": "triton-0", "state": state}]}


def share_body(count: int, share: float, lower: float, upper: float) -> dict[str, object]:
    return {"count": count, "share": share, "lower": lower, "upper": upper}


def opinion_body(release: str, label: str = "", outcome: str = "ok") -> dict[str, object]:
    labels = [label] if label else []
    return {"release": release, "outcome": outcome, "labels": labels, "scores": [0.9] * len(labels)}


def disagreement_body(number: int, **changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": number,
        "at": "2026-05-03T08:30:00Z",
        "request_id": f"req-{number}",
        "serving": opinion_body("digits_r1", "7"),
        "shadow": opinion_body("digits_r2", "1"),
        "has_item": True,
    }
    return body | changes


def report_body(**changes: object) -> dict[str, object]:
    quantiles = {"p50_ms": 3.1, "p95_ms": 4.4, "p99_ms": 7.9}
    body: dict[str, object] = {
        "release": "digits_r2",
        "pairs": 1200,
        "top1_agreement": share_body(1170, 0.975, 0.9646, 0.9824),
        "top_k_agreement": share_body(1100, 0.9167, 0.8997, 0.931),
        "outcome_differed": share_body(3, 0.0025, 0.0009, 0.0073),
        "serving_failures": share_body(0, 0.0, 0.0, 0.0032),
        "shadow_failures": share_body(1, 0.0008, 0.0001, 0.0047),
        "dropped": 4,
        "score_differences": [1100, 60, *[0] * 17, 10],
        "serving_latency": quantiles,
        "shadow_latency": quantiles | {"p99_ms": None},
        "disagreements": [disagreement_body(17), disagreement_body(16)],
    }
    return body | changes


@dataclass
class CompareGateway(FakeGateway):
    """Set a field to change an answer; the key is an operator's."""

    scopes: list[str] = field(default_factory=lambda: ["admin"])
    allowed: list[str] | None = None
    releases: list[object] = field(
        default_factory=lambda: [release_body("digits_r1"), release_body("digits_r2")]
    )
    releases_refusal: Answer | None = None
    # What a release says first, where it is not a seven.
    firsts: dict[str, str] = field(default_factory=dict)
    # In place of a release's prediction, of its preview.
    refusals: dict[str, Answer] = field(default_factory=dict)
    preview_refusals: dict[str, Answer] = field(default_factory=dict)
    # In place of GET /v2/models/{release}.
    model_refusals: dict[str, Answer] = field(default_factory=dict)
    shadow: object = None
    report: dict[str, object] = field(default_factory=report_body)
    report_refusal: Answer | None = None
    # By the number of a disagreement; others are not kept.
    items: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.routes = [DIGITS | {"shadow": None}]

    def _key(self) -> dict[str, object]:
        return super()._key() | {"allowed": self.allowed}

    def _prediction(self, request: httpx.Request) -> httpx.Response:
        """Everything that FakeGateway does not know by its path."""
        parts = request.url.path.strip("/").split("/")
        match parts:
            case ["v1", "admin", "releases"]:
                return _json(self.releases_refusal or (200, {"releases": self.releases}))
            case ["v2", "models", release]:
                name = "TEXT" if release.startswith("topics") else "IMAGE"
                usual = (200, {"inputs": [{"name": name}]})
                return _json(self.model_refusals.get(release, usual))
            case ["v1", "predict", release]:
                return _json(self.refusals.get(release) or (200, self._answer_of(release)))
            case ["v1", "preview", release]:
                refusal = self.preview_refusals.get(release)
                return _json(refusal) if refusal else preview_answer(release)
            case ["v1", "admin", "shadows", _, "report"]:
                return _json(self.report_refusal or (200, self.report))
            case ["v1", "admin", "shadows", _, "disagreements", number, "item"]:
                item = self.items.get(int(number))
                return _json((404, error_body("unknown_item"))) if item is None else _bytes(item)
        raise AssertionError(request.url.path)

    def _answer_of(self, release: str) -> dict[str, object]:
        labels = [{"label": self.firsts.get(release, "7"), "score": 0.9}]
        labels += [{"label": "1", "score": 0.08}, {"label": "4*", "score": 0.02}]
        return {
            "request_id": f"req-{release}",
            "alias": release,
            "release": release,
            "predictions": labels,
            "timing": {"total_ms": 6.13, "triton_ms": 4.91},
        }


def _json(answer: Answer) -> httpx.Response:
    status, body = answer
    return httpx.Response(status, json=body)


def _bytes(content: bytes) -> httpx.Response:
    return httpx.Response(200, content=content)
