"""An order that may take minutes, given while the page goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from ui.errors import GatewayProblem

logger = logging.getLogger(__name__)

# An answer that comes at once is shown at once.
FIRST_WAIT_SECONDS = 0.3


class Errand:
    """Runs a call in a thread of its own; whoever drew the page asks what came of it.

    Args:
        what: For people: what was ordered.
        call: Raises GatewayProblem where it is refused.
        subject: The name of what it is about.
        since: When it was ordered.
    """

    def __init__(
        self, what: str, call: Callable[[], None], *, subject: str, since: datetime
    ) -> None:
        self.what = what
        self.subject = subject
        self.since = since
        self.problem: GatewayProblem | None = None
        self._call = call
        # The gateway goes on without us: nobody has to wait for this at the end of the process.
        self._thread = threading.Thread(target=self._run, name="errand", daemon=True)
        self._thread.start()
        self._thread.join(FIRST_WAIT_SECONDS)

    @property
    def is_under_way(self) -> bool:
        """Whether there is no answer yet."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._call()
        except GatewayProblem as problem:
            logger.warning("refused: %s: %s", type(problem).__name__, problem)
            self.problem = problem
