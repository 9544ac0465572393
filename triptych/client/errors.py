"""What a call to the gateway or to Triton may raise; programs decide by class and `code`.

TriptychClientError       (a triptych.errors.CallFailed)
  Refused                 4xx: the call itself is wrong; sending it again does not help
    RateLimited           429: the key has done, or has at work, as much as it may
  Unavailable             503, or nobody answers: later it may pass
    Overloaded            503 `overloaded`, `too_many_connections`
  TimedOut                504, or no answer in the caller's own time
  ServerFailed            any other 5xx, or an answer that makes no sense
"""

from __future__ import annotations

from typing import Final

from triptych.errors import CallFailed


class TriptychClientError(CallFailed):
    """A call was not answered as it should.

    Args:
        message: For people.
        code: Stable, of docs/errors.md; empty where no gateway said one.
        status: Of HTTP; None where there was no answer, or no gateway.
        request_id: Finds the call in the logs; empty where nobody said one.
        retry_after_seconds: When the gateway wants the call again; None where it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int | None = None,
        request_id: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds


class Refused(TriptychClientError):
    """The call itself is wrong, or this key may not make it."""


class RateLimited(Refused):
    """The key has done, or has at work, as much as it may."""


class Unavailable(TriptychClientError):
    """Nobody takes this call now."""


class Overloaded(Unavailable):
    """More is there than can be answered in time."""


class TimedOut(TriptychClientError):
    """There was no answer in the time that the call was given."""


class ServerFailed(TriptychClientError):
    """Something behind the interface broke, or answered what makes no sense."""


_FULL: Final = frozenset({"overloaded", "too_many_connections"})


def error_class(status: int, code: str) -> type[TriptychClientError]:
    """Say what an answer of the gateway is raised as.

    Args:
        status: Of HTTP, not a success.
        code: What the body says; may be empty.
    """
    if status == 429:
        return RateLimited
    if status == 503:
        return Overloaded if code in _FULL else Unavailable
    if status == 504:
        return TimedOut
    return ServerFailed if status >= 500 else Refused
