"""Since when a step has finished nothing: one batch of a busy step takes longer than one look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class _Look:
    executions: int
    looked: float
    advanced: float  # when it was first seen to have finished what it had by then


class StepProgress:
    """By model, over the looks at one row of canaries that nobody answered."""

    def __init__(self) -> None:
        self._last: dict[str, _Look] = {}

    def stuck_seconds(self, model: str, executions: int, now: float, since: float) -> float:
        """How long a model has finished nothing.

        Args:
            model: Which one.
            executions: What Triton has counted of it until now.
            now: Monotonic seconds.
            since: When the first canary of the row was sent; what was seen before counts for
                nothing, so that the first look finds a hang as fast as the last.
        """
        last = self._last.get(model)
        if last is None or last.looked < since:
            last = _Look(executions, since, since)
        # Not "more": a model that was loaded anew begins at zero.
        advanced = last.advanced if executions == last.executions else now
        self._last[model] = _Look(executions, now, advanced)
        return now - advanced
