"""What one supervisor last said of its Triton, and for how long it has been so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from pydantic import ValidationError

from gateway.data_plane.servers.supervisor_word import SupervisorReport

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """Whether the service answers, and rightly."""

    is_ready: bool
    since: str
    reason: str | None


class ServerHealth:
    """Looks at one supervisor now and then; every question is answered from memory.

    Args:
        client: Reaches the supervisor; its base URL is the supervisor's.
        max_age_seconds: A word older than this counts as silence.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        max_age_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._silent_since = utc_now()
        self._trouble: str | None = None
        self.word: SupervisorReport | None = None
        """The last one; None until there was one."""
        self.asked_at = -max_age_seconds
        """When the question was put that the last word answers; seconds of the clock."""

    async def refresh(self) -> None:
        """Ask the supervisor once; silence is remembered, never raised."""
        asked_at = self._clock()
        try:
            response = await self._client.get("/status")
            word = SupervisorReport.model_validate_json(response.content)
        except (httpx.HTTPError, ValidationError) as exc:
            self._note(repr(exc))
            return
        if asked_at >= self.asked_at:  # of two questions under way, the later one counts
            self.word, self.asked_at, self._silent_since = word, asked_at, utc_now()
        self._note(None)

    def _note(self, trouble: str | None) -> None:
        """Log only what changes; the question is asked twice a second."""
        if trouble != self._trouble:
            logger.warning("supervisor: %s", trouble or "answers again")
        self._trouble = trouble

    def verdict(self) -> Verdict:
        """Whether golden inputs got their golden answers within the last seconds."""
        if self.word is None or self.is_silent():
            return Verdict(False, self._silent_since, "Triton's supervisor does not answer")
        return Verdict(self.word.ready, self.word.since, self.word.reason)

    def is_silent(self, more_seconds: float = 0.0) -> bool:
        """Whether its last word is too old to be believed, by so much more than that."""
        return self._clock() - self.asked_at > self._max_age_seconds + more_seconds


def utc_now() -> str:
    """The time as all of our JSON writes it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
