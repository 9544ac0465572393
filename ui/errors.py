"""What can go wrong between this page and an answer.

UiProblem
  InvalidSetting          a UI_ variable cannot be used: the page says so and stops
  GatewayProblem
    GatewayDown           nothing answers at the gateway's address
    GatewayTimedOut       the gateway took the request and did not answer in time
    AnswerNotUnderstood   something answered, but not as a gateway does
    ApiKeyMissing         the page has no usable key of its own to send
    ApiKeyUnusable        what somebody gave as a key cannot be one
    RequestRefused        the gateway answered with an error
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

# The same bytes and the same question get these answers again, whenever they are sent.
LASTING_STATUSES = frozenset({400, 413, 415, 422})

# The key is wrong or may not do this.
KEY_STATUSES = frozenset({401, 403})


class UiProblem(Exception):
    """Anything this room raises on purpose."""


class InvalidSetting(UiProblem):
    """A UI_ environment variable holds something that cannot be used."""


class GatewayProblem(UiProblem):
    """A call to the gateway brought no answer that can be shown."""

    @property
    def is_lasting(self) -> bool:
        """Whether the same question would get the same refusal again."""
        return False

    def bare(self) -> Self:
        """Take off what hangs on an exception: its frames would keep the bytes and the key.

        For whoever keeps it.
        """
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self

    @property
    def needs_operator(self) -> bool:
        """Whether it stays until somebody changes the key."""
        return False


class GatewayDown(GatewayProblem):
    """Nothing answers at the gateway's address."""


class GatewayTimedOut(GatewayProblem):
    """The gateway took the request and did not answer in time."""


class AnswerNotUnderstood(GatewayProblem):
    """Something answered, but not in the form that the gateway's API promises."""


class ApiKeyMissing(GatewayProblem):
    """There is no usable API key in the key file.

    Attributes:
        key_file: Where the key was looked for; None when no file is configured.
    """

    def __init__(self, key_file: Path | None) -> None:
        super().__init__(f"no usable API key in {key_file}")
        self.key_file = key_file

    @property
    def needs_operator(self) -> bool:
        """Somebody has to put the key in place."""
        return True


class ApiKeyUnusable(GatewayProblem):
    """What somebody gave as a key cannot be one; it is never quoted."""

    @property
    def is_lasting(self) -> bool:
        """It stays what it is."""
        return True


class RequestRefused(GatewayProblem):
    """The gateway answered with an error.

    Attributes:
        status: HTTP status, 400 to 599.
        code: The gateway's stable name for the error; empty when the answer had none.
        message: The gateway's sentence about it; empty when the answer had none.
        request_id: What to quote when asking for help; None when the answer had none.
        retry_after_seconds: How long the gateway asks to wait; None when it does not say.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        message: str,
        request_id: str | None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_lasting(self) -> bool:
        """Refusals of what was given or asked stay; refusals of the moment do not."""
        return self.status in LASTING_STATUSES

    @property
    def needs_operator(self) -> bool:
        """A busy or restarting service comes back by itself; a refused key does not."""
        return self.status in KEY_STATUSES
