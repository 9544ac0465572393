"""Python SDK: the gateway's REST, and Triton's gRPC directly. docs/sdk.md is its page."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from triptych.client.answers import (
    Answer,
    ItemResult,
    Prediction,
    Provenance,
    RefusedItem,
    Timing,
)
from triptych.client.errors import (
    Overloaded,
    RateLimited,
    Refused,
    ServerFailed,
    TimedOut,
    TriptychClientError,
    Unavailable,
)
from triptych.client.jobs import Job, JobPrediction, JobRefusal, JobResult, JobSource, JobState
from triptych.client.routes import AliasRoute
from triptych.client.triton_tls import TritonTls

if TYPE_CHECKING:
    from triptych.client.async_client import AsyncClient
    from triptych.client.client import Client
    from triptych.client.direct import DirectClient

__all__ = [
    "AliasRoute",
    "Answer",
    "AsyncClient",
    "Client",
    "DirectClient",
    "ItemResult",
    "Job",
    "JobPrediction",
    "JobRefusal",
    "JobResult",
    "JobSource",
    "JobState",
    "Overloaded",
    "Prediction",
    "Provenance",
    "RateLimited",
    "Refused",
    "RefusedItem",
    "ServerFailed",
    "TimedOut",
    "Timing",
    "TriptychClientError",
    "TritonTls",
    "Unavailable",
]

# Imported when they are asked for: who takes the client over REST need not load gRPC, and the
# supervisor, which only needs modules beside them, neither.
_CLIENTS: Final = {
    "AsyncClient": "triptych.client.async_client",
    "Client": "triptych.client.client",
    "DirectClient": "triptych.client.direct",
}


def __getattr__(name: str) -> object:
    """Import a client (PEP 562)."""
    if name not in _CLIENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_CLIENTS[name]), name)
