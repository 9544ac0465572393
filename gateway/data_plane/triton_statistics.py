"""Triton's statistics of one model, in the JSON form of its HTTP front end.

Source: Triton's statistics extension; the names are those of ModelStatisticsResponse.
"""

from __future__ import annotations

from typing import Any, Final, TypedDict

_PHASES: Final = (
    "success",
    "fail",
    "queue",
    "compute_input",
    "compute_infer",
    "compute_output",
    "cache_hit",
    "cache_miss",
)
_BATCH_PHASES: Final = ("compute_input", "compute_infer", "compute_output")


class Duration(TypedDict):
    """How often something was done, and how long it took in all."""

    count: int
    ns: int


class ModelStatistics(TypedDict):
    """One entry of `model_stats`."""

    name: str
    version: str
    last_inference: int
    inference_count: int
    execution_count: int
    inference_stats: dict[str, Duration]
    batch_stats: list[dict[str, int | Duration]]


# The generated protobuf classes carry no types.
def read_statistics(response: Any) -> ModelStatistics:  # noqa: ANN401 - protobuf has no types
    """Read a ModelStatisticsResponse about one model with one version."""
    (counted,) = response.model_stats
    return ModelStatistics(
        name=counted.name,
        version=counted.version,
        last_inference=counted.last_inference,
        inference_count=counted.inference_count,
        execution_count=counted.execution_count,
        inference_stats={
            phase: _duration(getattr(counted.inference_stats, phase)) for phase in _PHASES
        },
        batch_stats=[_batch(batch) for batch in counted.batch_stats],
    )


def _batch(batch: Any) -> dict[str, int | Duration]:  # noqa: ANN401 - as above
    phases = {phase: _duration(getattr(batch, phase)) for phase in _BATCH_PHASES}
    return {"batch_size": batch.batch_size, **phases}


def _duration(counted: Any) -> Duration:  # noqa: ANN401 - as above
    return Duration(count=counted.count, ns=counted.ns)
