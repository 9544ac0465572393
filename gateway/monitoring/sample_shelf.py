"""Where samples of the last hour lie: in memory, or in files that several workers share.

docs/adr/0030 has the reasons.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

INTERVAL_SECONDS: Final = 5
KEPT_SECONDS: Final = 3600
# A page that asks for what is new reads one file or two, not the hour.
_FILE_SECONDS: Final = 300
# Another worker may be in the next file already; what is later is of a clock that was set back.
_KEPT_AFTER_SECONDS: Final = _FILE_SECONDS
_PREFIX: Final = "traffic-"
_HEAD: Final = b'{"time":"'
_TIME_LENGTH: Final = len("2026-01-31T12:00:00.000Z")


class SampleShelf(Protocol):
    """Keeps samples, each written out as JSON that begins with its time."""

    def put(self, sample: bytes) -> None:
        """Add one; the oldest make room."""

    def since(self, time: str) -> list[bytes]:
        """Those that are later, in the order of their times."""


class OwnShelf:
    """In the memory of the only worker."""

    def __init__(self) -> None:
        self._samples: deque[bytes] = deque(maxlen=KEPT_SECONDS // INTERVAL_SECONDS)

    def put(self, sample: bytes) -> None:
        """Add one."""
        self._samples.append(sample)

    def since(self, time: str) -> list[bytes]:
        """Those that are later."""
        return _later(list(self._samples), time)


class SharedShelf:
    """In files of five minutes, to which every worker of a gateway adds its own lines.

    Args:
        folder: Theirs alone, on a local file system: there the kernel keeps appended lines whole.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, sample: bytes) -> None:
        """Add one; what is older than an hour goes, and what cannot be yet."""
        seconds = datetime.fromisoformat(time_of(sample)).timestamp()
        began = seconds // _FILE_SECONDS * _FILE_SECONDS
        file = self._folder / _name(began)
        where = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(where, sample + b"\n")
        finally:
            os.close(where)
        oldest, latest = _name(began - KEPT_SECONDS), _name(began + _KEPT_AFTER_SECONDS)
        for name in self._names():
            if not oldest <= name <= latest:
                (self._folder / name).unlink(missing_ok=True)  # every worker tries

    def since(self, time: str) -> list[bytes]:
        """Those of all workers that are later."""
        names = self._names()
        lines: list[bytes] = []
        for name, following in zip(names, [*names[1:], None], strict=True):
            if following is None or following > f"{_PREFIX}{time}":
                with suppress(FileNotFoundError):  # removed meanwhile
                    lines += (self._folder / name).read_bytes().splitlines()
        return _later(lines, time)

    def _names(self) -> list[str]:
        """Of the files, each after the moment at which it begins; oldest first."""
        return sorted(it.name for it in self._folder.glob(f"{_PREFIX}*"))


def _name(began: float) -> str:
    return f"{_PREFIX}{time_text(began)}"


def time_text(seconds: float) -> str:
    """A moment of the wall clock as all samples write it, so that text order is their order."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _later(samples: list[bytes], time: str) -> list[bytes]:
    return sorted((it for it in samples if time_of(it) > time), key=time_of)


def time_of(sample: bytes) -> str:
    """When the interval of a sample ended, without reading the rest of it."""
    return sample[len(_HEAD) : len(_HEAD) + _TIME_LENGTH].decode()
