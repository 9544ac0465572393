"""A checked inference request: what it asks, with nothing left of how it was written down.

Sources: KServe "Open Inference Protocol" v2, REST; Triton's binary tensor data extension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from python_backends.shared.contract import LABEL, SCORE, STATUS, Task, TensorSpec

# Where tensors follow as bytes, the JSON before them only describes them.
MAX_HEADER_BYTES: Final = 1024 * 1024
OUTPUTS: Final = (LABEL, SCORE, STATUS)


@dataclass(frozen=True)
class Accepted:
    """What a release takes in one request."""

    task: Task
    max_items: int


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """One output that the answer shall hold."""

    spec: TensorSpec
    is_binary: bool
    """As bytes behind the JSON, not as a JSON list."""


@dataclass(frozen=True, slots=True)
class InferRequest:
    """One request, understood exactly."""

    id: str
    """The caller's own; it comes back in the answer and goes nowhere else."""
    items: tuple[bytes, ...]
    """Encoded images or texts, one or more; an empty one is possible."""
    outputs: tuple[WantedOutput, ...]
    """In the order of the answer."""
