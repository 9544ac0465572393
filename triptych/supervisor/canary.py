"""Golden inputs through the served ensemble: the only proof that a release answers, and rightly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from python_backends.shared.contract import ItemAnswer
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed, CallTimedOut
from triptych.release import Golden, Release

# The reference came from the same engine; another CPU's instructions move a score by far less.
SCORE_TOLERANCE: Final = 0.01


@dataclass(frozen=True)
class CanaryResult:
    """What one canary inference said; no reason means that all was right."""

    duration_ms: float
    reason: str | None
    has_failed: bool = False  # it was not answered, or with an error; a wrong answer is none
    has_timed_out: bool = False
    is_unsent: bool = False  # its file cannot be read, which says nothing of the server


def replay_golden(
    triton: TritonConnection, release: Release, golden: Golden, *, timeout_seconds: float
) -> CanaryResult:
    """Send one golden input and compare the answer with the known one."""
    return _replay(triton, release, [golden], timeout_seconds)


def replay_all(
    triton: TritonConnection, release: Release, *, timeout_seconds: float
) -> CanaryResult:
    """Send all golden inputs, as few requests as go, up to the first failure."""
    size = release.max_batch_size
    for first in range(0, len(release.golden), size):
        batch = release.golden[first : first + size]
        result = _replay(triton, release, batch, timeout_seconds)
        if result.reason:
            break
    return result


def _replay(
    triton: TritonConnection, release: Release, batch: Sequence[Golden], timeout_seconds: float
) -> CanaryResult:
    started = time.perf_counter()
    try:
        items = [golden.file.read_bytes() for golden in batch]
    except OSError as exc:
        return CanaryResult(0.0, f"a golden input cannot be read: {exc}", is_unsent=True)
    try:
        answers = triton.classify(str(release.name), release.task, items, timeout_seconds)
    except CallFailed as exc:
        has_timed_out = isinstance(exc, CallTimedOut)
        return CanaryResult(_milliseconds_since(started), str(exc), True, has_timed_out)
    duration_ms = _milliseconds_since(started)
    judged = (_fault(golden, answer) for golden, answer in zip(batch, answers, strict=True))
    return CanaryResult(duration_ms, next((fault for fault in judged if fault), None))


def _fault(golden: Golden, answer: ItemAnswer) -> str | None:
    if not answer.status.is_answered:
        return f"{golden.file.name} was refused: {answer.status.name}"
    label, score = answer.labels[0], answer.scores[0]
    if label != golden.label or abs(score - golden.score) > SCORE_TOLERANCE:
        return (
            f"{golden.file.name} got {label!r} with {score:.4f}, "
            f"not {golden.label!r} with {golden.score:.4f}"
        )
    return None


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
