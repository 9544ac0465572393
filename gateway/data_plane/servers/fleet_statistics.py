"""Triton's statistics of one release, added up over all servers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, cast

from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.server import Server, Standing
from gateway.data_plane.triton_statistics import Duration, ModelStatistics
from gateway.errors import InferenceError, InferenceUnavailable

# perf_analyzer asks twice per window; a busy server must not make it wait.
_STATISTICS_SECONDS: Final = 2.0


async def fleet_statistics(fleet: Fleet, release: str) -> ModelStatistics:
    """Ask every server that has the release; one that fails now is left out.

    Raises:
        InferenceError: none of them answered.
    """
    asked = [it for it in fleet.servers if it.standing(release) is not Standing.AWAY]
    told = await asyncio.gather(*(_of(it, release) for it in asked), return_exceptions=True)
    counted: list[ModelStatistics] = []
    failures: list[InferenceError] = []
    for it in told:
        if isinstance(it, InferenceError):
            failures.append(it)
        elif isinstance(it, BaseException):
            raise it
        else:
            counted.append(it)
    if not counted:
        raise failures[0] if failures else InferenceUnavailable("no Triton has this release now")
    return counted[0] if len(counted) == 1 else add_up(counted)


async def _of(server: Server, release: str) -> ModelStatistics:
    return await server.triton.statistics(release, timeout_seconds=_STATISTICS_SECONDS)


def add_up(counted: Sequence[ModelStatistics]) -> ModelStatistics:
    """The sums of what several servers counted of the same model."""
    first = counted[0]
    return ModelStatistics(
        name=first["name"],
        version=first["version"],
        last_inference=max(it["last_inference"] for it in counted),
        inference_count=sum(it["inference_count"] for it in counted),
        execution_count=sum(it["execution_count"] for it in counted),
        inference_stats={
            phase: _sum([it["inference_stats"][phase] for it in counted])
            for phase in first["inference_stats"]
        },
        batch_stats=_batches(counted),
    )


def _sum(durations: Sequence[Duration]) -> Duration:
    return Duration(
        count=sum(it["count"] for it in durations), ns=sum(it["ns"] for it in durations)
    )


def _batches(counted: Sequence[ModelStatistics]) -> list[dict[str, int | Duration]]:
    by_size: dict[int, list[dict[str, int | Duration]]] = {}
    for model in counted:
        for batch in model["batch_stats"]:
            by_size.setdefault(cast(int, batch["batch_size"]), []).append(batch)
    return [
        {
            "batch_size": size,
            **{
                phase: _sum([cast(Duration, it[phase]) for it in alike])
                for phase in alike[0]
                if phase != "batch_size"
            },
        }
        for size, alike in sorted(by_size.items())
    ]
