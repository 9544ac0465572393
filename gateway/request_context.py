"""What is known of the request being answered, for its log line, its metrics and its error body."""

from __future__ import annotations

import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

REQUEST_ID_HEADER: Final = "X-Request-Id"

request_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass
class RequestRecord:
    """Filled in along the way; one log line and one metrics sample come out at the end."""

    key_id: str = ""
    alias: str = ""
    release: str = ""
    images: int = 0
    texts: int = 0
    body_ms: float = 0.0
    queue_ms: float = 0.0
    triton_ms: float = 0.0


record: ContextVar[RequestRecord] = ContextVar("record")


def new_request_id() -> str:
    """128 random bits, so that ids of several gateways never meet."""
    return secrets.token_hex(16)
