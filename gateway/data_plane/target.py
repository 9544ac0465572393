"""Who is asked."""

from __future__ import annotations

from dataclasses import dataclass

from python_backends.shared.contract import Task


@dataclass(frozen=True)
class Target:
    """A live release."""

    release: str
    """The ensemble's name."""
    task: Task
    max_batch_size: int
    top_k: int
    """Labels per item that the ensemble answers with."""
