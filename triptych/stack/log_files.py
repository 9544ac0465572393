"""Logs that cannot fill the disk: a long one becomes FILE.previous, and begins anew."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

LONGEST_BYTES: Final = 64 * 1024 * 1024


def shorten_logs(folder: Path, longest_bytes: int = LONGEST_BYTES) -> None:
    """Cut every log that has become too long; its writer need not know.

    It is copied and emptied, not renamed, because the writer holds it open. A line that is written
    between the two is lost.

    Raises:
        OSError: there is no room for the copy; the log is as it was.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > longest_bytes:
            shutil.copyfile(log, log.with_suffix(".log.previous"))
            os.truncate(log, 0)
