"""How many requests may be asked a second time: a share of all, so that trouble cannot double."""

from __future__ import annotations


class RetryBudget:
    """A bucket that each request fills by a share of a retry.

    Source: Finagle's RetryBudget; the burst is what one dying server may leave behind at once.

    Args:
        share: Retries per request in the long run, 0 to 1.
        burst: Retries at once, at the most.
    """

    def __init__(self, *, share: float, burst: int) -> None:
        self._share = share
        self._burst = float(burst)
        self._left = float(burst)

    def note_request(self) -> None:
        """A request came."""
        self._left = min(self._burst, self._left + self._share)

    def take(self) -> bool:
        """Whether one more request may be asked again; it then counts."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
