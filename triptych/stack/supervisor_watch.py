"""What each supervisor of a stack last said, asked for in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from triptych.errors import CallFailed
from triptych.stack.loopback_http import ask

_PAUSE_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 2.0


class SupervisorWatch:
    """Asks every supervisor for its /status again and again, once `start` was called.

    Args:
        urls: Of the supervisors.
        headers: What they want to see.
    """

    def __init__(self, urls: Sequence[str], headers: Mapping[str, str]) -> None:
        self.urls = tuple(urls)
        self._headers = headers
        # What answered last, and what answers now; each is replaced as a whole.
        self._pids = [0] * len(self.urls)
        self._said: list[dict[str, Any] | None] = [None] * len(self.urls)
        for index in range(len(self.urls)):
            self._ask(index)

    def start(self) -> None:
        """Ask from now on, in a thread per supervisor: one that hangs holds up no other."""
        for index in range(len(self.urls)):
            threading.Thread(target=self._repeat, args=(index,), daemon=True).start()

    def triton_pid(self, index: int) -> int:
        """The pid of its tritonserver, as last told; 0 before that."""
        return self._pids[index]

    def said(self, index: int) -> dict[str, Any] | None:
        """Its /status of this moment, or None while it does not answer."""
        return self._said[index]

    def ask_for_restart(self, index: int) -> bool:
        """Whether a supervisor is about to restart its Triton, because it was asked."""
        url = f"{self.urls[index]}/restart"
        with suppress(CallFailed):
            answer = ask("POST", url, headers=self._headers, timeout_seconds=_PATIENCE_SECONDS)
            return answer.is_success
        return False

    def _repeat(self, index: int) -> None:
        while True:
            self._ask(index)
            time.sleep(_PAUSE_SECONDS)

    def _ask(self, index: int) -> None:
        said = None
        url = f"{self.urls[index]}/status"
        with suppress(CallFailed, ValueError, KeyError):
            answer = ask("GET", url, headers=self._headers, timeout_seconds=_PATIENCE_SECONDS)
            said = answer.json()
            self._pids[index] = int(said["triton"]["pid"])
        self._said[index] = said
