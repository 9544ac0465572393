"""What one perf_analyzer run at one concurrency said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One concurrency."""

    concurrency: int
    images_per_second: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    server_cpu_ms_per_image: float  # tritonserver and its stubs, user and system
