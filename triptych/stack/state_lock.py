"""One stack per state folder: a lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triptych.errors import AlreadyRunning


@contextmanager
def state_lock(state_dir: Path) -> Iterator[None]:
    """Hold the state folder.

    Raises:
        AlreadyRunning: another process holds it.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state_dir / "lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            raise AlreadyRunning(
                f"A stack already runs in {state_dir} (pid {holder}); stop it with: triptych down"
            ) from exc
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
