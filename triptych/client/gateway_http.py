"""The gateway's REST interface without a socket: what is sent, and what an answer means."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx

from triptych.client.errors import (
    RateLimited,
    ServerFailed,
    TimedOut,
    TriptychClientError,
    Unavailable,
    error_class,
)

# The raw bytes say what they are; the gateway does not need a guess from a file name.
ANY_IMAGE: Final = "application/octet-stream"
# The gateway says itself when a call's time is up; who never hears it waits so much longer.
_GRACE_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0

# Name and content; the name comes back in errors of people who read them, and nowhere else.
NamedFile = tuple[str, bytes]


@dataclass(frozen=True)
class Ask:
    """One call."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    files: Sequence[NamedFile] | None = None
    timeout_seconds: float | None = None
    """None is as the connection says."""

    def for_httpx(self) -> dict[str, Any]:
        """The arguments of `httpx.Client.request` and of its asynchronous twin."""
        asked: dict[str, Any] = {
            "method": self.method,
            "url": self.path,
            "headers": dict(self.headers),
            "content": self.content,
        }
        if self.params:
            asked["params"] = dict(self.params)
        if self.files is not None:
            asked["files"] = [("file", (name, content, ANY_IMAGE)) for name, content in self.files]
        if self.timeout_seconds is not None:
            asked["timeout"] = self.timeout_seconds
        return asked


def connection_options(url: str, api_key: str, timeout_seconds: float) -> dict[str, Any]:
    """The arguments of `httpx.Client` and of its asynchronous twin.

    Args:
        url: "http://127.0.0.1:8080".
        api_key: Sent with every call.
        timeout_seconds: How long a call may take that does not say.
    """
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {api_key}"},
        "timeout": timeout_seconds,
        # A proxy variable meant for the internet must not catch loopback.
        "trust_env": False,
    }


def ask_in_json(method: str, path: str, body: Mapping[str, object]) -> Ask:
    """Build a call with a JSON body."""
    # In ASCII: half a surrogate pair is the gateway's to refuse, httpx would raise at it.
    content = json.dumps(body).encode("ascii")
    return Ask(method, path, {"Content-Type": "application/json"}, content=content)


def ask_image(alias: str, encoded: bytes) -> Ask:
    """Build the call that classifies one encoded image."""
    return Ask("POST", _predict(alias), {"Content-Type": ANY_IMAGE}, content=encoded)


def ask_files(alias: str, files: Sequence[NamedFile]) -> Ask:
    """Build the call that classifies several encoded images as one batch."""
    return Ask("POST", _predict(alias), files=files)


def ask_text(alias: str, text: str) -> Ask:
    """Build the call that classifies one text."""
    return ask_in_json("POST", _predict(alias), {"text": text})


def ask_texts(alias: str, texts: Sequence[str]) -> Ask:
    """Build the call that classifies several texts as one batch."""
    return ask_in_json("POST", _predict(alias), {"texts": list(texts)})


def ask_route(alias: str, etag: str | None = None) -> Ask:
    """Build the call that tells what an alias means, or 304 where that has still this ETag."""
    return Ask("GET", f"/v1/routes/{alias}", {"If-None-Match": etag} if etag else {})


def ask_routes() -> Ask:
    """Build the call that tells what every alias means."""
    return Ask("GET", "/v1/routes")


def _predict(alias: str) -> str:
    return f"/v1/predict/{alias}"


def read_answer(response: httpx.Response) -> dict[str, Any]:
    """Take the JSON object of an answer; a success without a body is an empty one.

    Raises:
        TriptychClientError: it is no success, by the class that fits its status.
        ServerFailed: it is a success that cannot be read.
    """
    check_status(response)
    try:
        return dict(response.json()) if response.content else {}
    except (ValueError, TypeError) as exc:
        raise ServerFailed("the gateway answered what is no JSON object") from exc


def check_status(response: httpx.Response) -> None:
    """See that a call, whose answer was read where it is none, was taken.

    Raises:
        TriptychClientError: it is no success, by the class that fits its status.
    """
    if not response.is_success:
        raise _refusal(response)


def _refusal(response: httpx.Response) -> TriptychClientError:
    status = response.status_code
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), f"{error['message']} ({status} {error['code']})"
    except (ValueError, KeyError, TypeError):
        code, message = "", f"the gateway answered {status}"
    return error_class(status, code)(
        message,
        code=code,
        status=status,
        request_id=response.headers.get("X-Request-Id", ""),
        retry_after_seconds=_seconds(response.headers.get("Retry-After", "")),
    )


def _seconds(header: str) -> float | None:
    return float(header) if header.isascii() and header.isdigit() else None


def no_answer(url: httpx.URL, exc: httpx.HTTPError) -> TriptychClientError:
    """Say what it is that a call got no answer."""
    error = TimedOut if isinstance(exc, httpx.TimeoutException) else Unavailable
    return error(f"The gateway at {url} does not answer: {exc}")


class Patience:
    """How often, and how long, one predict call is tried: it may be sent again without harm.

    Args:
        timeout_seconds: For all tries together, and the pauses between them.
        retries: How many tries may follow the first.
        now: The clock's time, in seconds.
    """

    def __init__(self, timeout_seconds: float, retries: int, now: float) -> None:
        self._deadline = now + timeout_seconds
        self._retries_left = retries
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    def limited(self, ask: Ask, now: float) -> Ask:
        """The same call, with the time that is left told to the gateway and to httpx."""
        seconds = max(0.001, self._deadline - now)
        headers = {**ask.headers, "X-Request-Timeout-Ms": str(max(1, int(seconds * 1000)))}
        return replace(ask, headers=headers, timeout_seconds=seconds + _GRACE_SECONDS)

    def pause_after(self, error: TriptychClientError, now: float) -> float | None:
        """How many seconds to wait before the next try; None: there is none.

        The gateway's Retry-After is kept. A 429 without one means that the call never passes.
        """
        is_limited = isinstance(error, RateLimited) and error.retry_after_seconds is not None
        if self._retries_left <= 0 or not (is_limited or isinstance(error, Unavailable)):
            return None
        # Not all who were refused at one moment come back at one moment.
        pause = self._pause_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        pause = max(pause, error.retry_after_seconds or 0.0)
        if now + pause >= self._deadline:
            return None
        self._retries_left -= 1
        self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
        return pause
