"""One stack per state folder: a lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triptych.errors import AlreadyRunning


def make_state_dir(state_dir: Path) -> None:
    """Make the state folder, or take it back, for its owner alone: keys and logs lie in it."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    state_dir.chmod(0o700)


def lock_holder(state_dir: Path) -> int | None:
    """The pid of the process that holds the state folder, or None where nobody does."""
    try:
        with (state_dir / "lock").open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int((state_dir / "lock").read_text() or 0) or None
    return None


@contextmanager
def state_lock(state_dir: Path) -> Iterator[None]:
    """Hold the state folder.

    Raises:
        AlreadyRunning: another process holds it.
    """
    make_state_dir(state_dir)
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
