"""Golden inputs through the served ensemble: the only proof that a release answers, and rightly."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed
from triptych.release import Golden, Release

# The reference came from the same engine; another CPU's instructions move a score by far less.
SCORE_TOLERANCE: Final = 0.01


@dataclass(frozen=True)
class CanaryResult:
    """What one canary inference said; no reason means that all was right."""

    duration_ms: float
    reason: str | None


def replay_golden(
    triton: TritonConnection, release: Release, golden: Golden, *, timeout_seconds: float
) -> CanaryResult:
    """Send one golden input and compare the answer with the known one."""
    started = time.perf_counter()
    try:
        encoded = golden.file.read_bytes()
        name, task = str(release.name), release.task
        (answer,) = triton.classify(name, task, [encoded], timeout_seconds)
    except (CallFailed, OSError) as exc:
        return CanaryResult(_milliseconds_since(started), str(exc))
    duration_ms = _milliseconds_since(started)
    if not answer.status.is_answered:
        return CanaryResult(duration_ms, f"{golden.file.name} was refused: {answer.status.name}")
    label, score = answer.labels[0], answer.scores[0]
    if label != golden.label or abs(score - golden.score) > SCORE_TOLERANCE:
        reason = (
            f"{golden.file.name} got {label!r} with {score:.4f}, "
            f"not {golden.label!r} with {golden.score:.4f}"
        )
        return CanaryResult(duration_ms, reason)
    return CanaryResult(duration_ms, None)


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
