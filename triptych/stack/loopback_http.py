"""HTTP to the parts of a stack on this machine.

By the standard library: `up` asks little, and loading httpx would hold up every start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from triptych.errors import CallFailed


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether it did what it was asked."""
        return 200 <= self.status < 300

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """Its body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_seconds: float,
) -> Answer:
    """Ask once, over a connection of its own.

    Args:
        method: "GET" or "POST".
        url: "http://127.0.0.1:8080/readyz".
        headers: What is said besides.
        body: What is sent.
        timeout_seconds: How long it may be silent.

    Raises:
        CallFailed: there is no answer.
    """
    address = urlsplit(url)
    connection = HTTPConnection(address.netloc, timeout=timeout_seconds)
    try:
        connection.request(method, address.path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, HTTPException) as exc:
        raise CallFailed(f"{url} does not answer: {exc}") from exc
    finally:
        connection.close()
