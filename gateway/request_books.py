"""Where each request is written down when it ends: metrics, traces, what its key has used."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.control_plane.key_usage.usage_counts import UsageCounts
from gateway.metrics import GatewayMetrics
from gateway.tracing import Tracing


@dataclass(frozen=True)
class RequestBooks:
    """They live as long as the application, so they are made before anything is opened."""

    tracing: Tracing
    metrics: GatewayMetrics = field(default_factory=GatewayMetrics)
    usage: UsageCounts = field(default_factory=UsageCounts)
