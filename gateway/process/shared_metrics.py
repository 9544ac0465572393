"""The folder in which several workers keep their metrics, so that each can tell all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# prometheus_client looks for it when it is imported, and counts in files if it is there.
VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_NAME: Final = "gateway-metrics-"


@contextmanager
def metrics_folder(state_dir: Path) -> Iterator[Path]:
    """A fresh folder, locked while we live; those of gateways that were killed are removed."""
    state_dir.mkdir(parents=True, exist_ok=True)
    for left in state_dir.glob(f"{_NAME}*"):
        _remove_if_nobodys(left)
    folder = Path(tempfile.mkdtemp(prefix=_NAME, dir=state_dir))
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_nobodys(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    finally:
        os.close(lock)
    shutil.rmtree(folder, ignore_errors=True)


def forget_gauges(folder: Path, pid: int) -> None:
    """What a worker had in hand ends with it; what it counted stays counted.

    As prometheus_client's own mark_process_dead does, which the parent had to import a lot for.
    """
    for file in folder.glob(f"gauge_live*_{pid}.db"):
        file.unlink(missing_ok=True)
