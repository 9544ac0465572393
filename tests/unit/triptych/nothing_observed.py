"""A supervisor's memory before anything came."""

from __future__ import annotations

from triptych.client.triton import TritonConnection
from triptych.supervisor.observations import Observations
from triptych.supervisor.step_samples import StepSamples
from triptych.supervisor.trace_store import TraceStore


def nothing_observed(address: str = "127.0.0.1:1", *releases: str) -> Observations:
    """Empty; its samples would be of these releases."""
    samples = StepSamples(lambda: TritonConnection(address), lambda: releases)
    return Observations(TraceStore(max_traces=3, max_bytes=1 << 20), samples)
