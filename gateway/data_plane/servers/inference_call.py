"""What Triton is to be asked, on its whole way from the predictor to a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import InferenceTimeout
from python_backends.shared.contract import Task
from triptych.routing import step_model


@dataclass(frozen=True)
class InferenceCall:
    """One batch of one release's."""

    release: str
    """The ensemble's name."""
    task: Task
    """What the release does, and so what an item is."""
    items: Sequence[bytes]
    """One to max_batch_size encoded images or UTF-8 texts."""
    request_id: str
    """Shows up in Triton's log and traces."""
    deadline: float
    """Of the event loop's clock: after this nobody waits any more."""
    traceparent: str | None = None
    """Makes Triton trace this request, whatever its flags say; None leaves it be."""
    goes_alone: bool = False
    """Nobody else's items may be in the same request to Triton."""
    step: str = ""
    """Of STEP_NAMES: who is asked in place of the whole; then the call goes alone."""

    @property
    def model(self) -> str:
        """What Triton calls who is asked."""
        return step_model(self.release, self.step)

    def seconds_left(self) -> float:
        """Until the deadline.

        Raises:
            InferenceTimeout: it has passed.
        """
        seconds = self.deadline - asyncio.get_running_loop().time()
        if seconds <= 0:
            raise InferenceTimeout("the deadline passed before Triton could be asked")
        return seconds
