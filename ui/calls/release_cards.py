"""GET /v1/admin/releases/{release}: all that one release says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Caller


class MeasurementBody(TypedDict):
    """What was measured on one set of inputs."""

    name: str
    accuracy: float
    inputs: int | None
    confusion: list[list[int]] | None


class CardBody(TypedDict):
    """GET /v1/admin/releases/{release}."""

    name: str
    task: str
    forced: bool
    created: str
    semver: str | None
    git_commit: str
    precision: str
    engine: str
    engines: list[str]
    max_batch_size: int
    top_k: int
    classes: int
    labels: list[str]
    size_bytes: int
    golden: int
    fingerprint: str
    artifacts: dict[str, str]
    source: dict[str, str]
    transform: dict[str, object]
    parity: dict[str, object] | None
    measurements: list[MeasurementBody]


@dataclass(frozen=True)
class Measurement:
    """Accuracy on one set of inputs; confusion has true classes down, answered ones across."""

    name: str
    accuracy: float
    inputs: int | None
    confusion: tuple[tuple[int, ...], ...] | None


@dataclass(frozen=True)
class Parity:
    """What the gate found when the release was exported; None where it does not tell.

    Attributes:
        has_passed: Whether the served answers were those of the source.
        inputs: How many golden inputs were compared.
        agreement: Share of them with the source's best label.
        largest_difference: Of the scores.
        failures: One sentence each.
    """

    has_passed: bool
    inputs: int | None
    agreement: float | None
    largest_difference: float | None
    failures: tuple[str, ...]


@dataclass(frozen=True)
class ReleaseCard:
    """One release in full.

    Attributes:
        is_forced: Promotable although the gate did not pass.
        labels: The first hundred, in the order of the classes.
        golden: How many golden inputs it has.
        fingerprint: Of release.json, which holds all other hashes.
        artifacts: SHA-256 by path.
        source: Framework, script, data, seed.
        transform: What becomes of an input before the model.
        parity: None where there was no gate.
    """

    name: str
    task: str
    is_forced: bool
    created: str
    semver: str | None
    git_commit: str
    precision: str
    engine: str
    engines: tuple[str, ...]
    max_batch_size: int
    top_k: int
    classes: int
    labels: tuple[str, ...]
    size_bytes: int
    golden: int
    fingerprint: str
    artifacts: Mapping[str, str]
    source: Mapping[str, str]
    transform: Mapping[str, str]
    parity: Parity | None
    measurements: tuple[Measurement, ...]


def read_card(caller: Caller, release: str) -> ReleaseCard:
    """Ask for one release; it need not be loaded.

    Raises:
        GatewayProblem: RequestRefused with 404 where it lies on nobody's disk.
    """
    path = f"/v1/admin/releases/{quote(release, safe='')}"
    return caller.look(path, decode_card, is_quick=False)


def decode_card(body: CardBody) -> ReleaseCard:
    """Decode GET /v1/admin/releases/{release}."""
    semver, parity = body["semver"], body["parity"]
    return ReleaseCard(
        name=str(body["name"]),
        task=str(body["task"]),
        is_forced=body["forced"] is True,
        created=str(body["created"]),
        semver=None if semver is None else str(semver),
        git_commit=str(body["git_commit"]),
        precision=str(body["precision"]),
        engine=str(body["engine"]),
        engines=tuple(str(engine) for engine in body["engines"]),
        max_batch_size=int(body["max_batch_size"]),
        top_k=int(body["top_k"]),
        classes=int(body["classes"]),
        labels=tuple(str(label) for label in body["labels"]),
        size_bytes=int(body["size_bytes"]),
        golden=int(body["golden"]),
        fingerprint=str(body["fingerprint"]),
        artifacts={str(path): str(digest) for path, digest in body["artifacts"].items()},
        source={str(name): str(value) for name, value in body["source"].items()},
        transform={str(name): str(value) for name, value in body["transform"].items()},
        parity=None if parity is None else _parity(parity),
        measurements=tuple(_measurement(it) for it in body["measurements"]),
    )


def _measurement(body: MeasurementBody) -> Measurement:
    confusion, inputs = body["confusion"], body["inputs"]
    rows = None if confusion is None else tuple(tuple(map(int, row)) for row in confusion)
    return Measurement(
        name=str(body["name"]),
        accuracy=float(body["accuracy"]),
        inputs=None if inputs is None else int(inputs),
        confusion=rows,
    )


def _parity(report: Mapping[str, object]) -> Parity:
    """Read the gate's report, of which exporters of other versions tell more or less."""
    scores, failures = report.get("scores"), report.get("failures")
    inputs = report.get("inputs")
    return Parity(
        has_passed=report.get("passed") is True,
        inputs=inputs if isinstance(inputs, int) else None,
        agreement=_number(report.get("top_1_agreement")),
        largest_difference=_number(scores.get("largest")) if isinstance(scores, dict) else None,
        failures=tuple(map(str, failures)) if isinstance(failures, list) else (),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
