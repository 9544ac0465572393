"""Who is asked."""

from __future__ import annotations

from dataclasses import dataclass

from python_backends.shared.contract import Task


@dataclass(frozen=True)
class Target:
    """A live release."""

    release: str
    """The ensemble's name."""
    fingerprint: str
    """Of its files; empty where the supervisor does not tell."""
    task: Task
    max_batch_size: int
    top_k: int
    """Labels per item that the ensemble answers with."""
    semver: str | None = None
    """The version that its makers gave it, if they did."""
    model_sha256: str = ""
    """Of the model's file, in hex."""
    device: str = ""
    """What the model runs on, "cpu" or "gpu"; empty where the supervisor does not tell."""
