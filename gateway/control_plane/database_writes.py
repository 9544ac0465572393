"""Whether anybody can have written to the database: for SQLite its files tell, for a hundredth.

Asking for a counter takes half a millisecond of CPU, and it is asked for eight times a second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import URL

# A write this long after a look has another time on the files, however coarse their clock is.
_COARSE_NS: Final = 100_000_000

# Times and sizes of the files.
Stamp = tuple[tuple[int, int, int], ...]


class DatabaseWrites:
    """Looks at the files of a SQLite database; of any other it knows nothing.

    Args:
        url: Of the database.
        clock_ns: The time of day, as files have it.
    """

    def __init__(self, url: URL, clock_ns: Callable[[], int] = time.time_ns) -> None:
        file = url.database if url.get_backend_name() == "sqlite" else None
        self._files = (file, f"{file}-wal") if file else ()
        self._clock_ns = clock_ns

    def stamp(self) -> Stamp | None:
        """What the files look like now; who sees the same twice has missed nothing.

        None: nobody can tell, because there are no such files, or they have just been written to
        and a second write might leave the same time.
        """
        try:
            seen = [os.stat(file) for file in self._files]  # noqa: PTH116 - a tenth of Path's time
        except OSError:
            return None
        if not seen or self._clock_ns() - max(it.st_mtime_ns for it in seen) < _COARSE_NS:
            return None
        return tuple((it.st_mtime_ns, it.st_size, it.st_ino) for it in seen)
