"""Python SDK: the gateway's REST, and Triton's gRPC directly. docs/sdk.md is its page."""

from triptych.client.answers import (
    Answer,
    ItemResult,
    Prediction,
    Provenance,
    RefusedItem,
    Timing,
)
from triptych.client.async_client import AsyncClient
from triptych.client.client import Client
from triptych.client.direct import DirectClient
from triptych.client.errors import (
    Overloaded,
    RateLimited,
    Refused,
    ServerFailed,
    TimedOut,
    TriptychClientError,
    Unavailable,
)
from triptych.client.routes import AliasRoute

__all__ = [
    "AliasRoute",
    "Answer",
    "AsyncClient",
    "Client",
    "DirectClient",
    "ItemResult",
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
    "Unavailable",
]
