"""Leave a process through every `finally` when it is told to end."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable
from types import FrameType


def leave_on(
    *numbers: signal.Signals,
    exit_code: int | None = None,
    on_leaving: Callable[[], object] = lambda: None,
) -> None:
    """Raise SystemExit in the main thread at the first of these signals, and ignore later ones.

    Later ones come: the kernel sends the parent-death signal once for each thread of a parent that
    dies (prctl(2), PR_SET_PDEATHSIG), and the second one would break off the clean-up of the first.

    Args:
        numbers: The signals.
        exit_code: By default 128 and the number of the signal, as a shell would tell it.
        on_leaving: Is called before.
    """

    def leave(number: int, _frame: FrameType | None) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        with contextlib.suppress(OSError, RuntimeError):  # no terminal; a line broken into
            on_leaving()
        sys.exit(128 + number if exit_code is None else exit_code)

    for number in numbers:
        signal.signal(number, leave)
