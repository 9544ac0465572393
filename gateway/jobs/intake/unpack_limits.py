"""What an archive may unpack to, whatever it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from gateway.jobs.job_errors import MalformedArchive

# Deflate can do 1032 to 1, and pictures are compressed already; a log file does 20.
_MOST_RATIO: Final = 200
# A small archive may hold as many folders and as much padding as it likes.
_FREE_BYTES: Final = 64 * 1024 * 1024
_FREE_MEMBERS: Final = 1000


@dataclass(frozen=True)
class UnpackLimits:
    """Of one archive."""

    max_members: int
    """Folders and what else is skipped among them."""
    max_bytes: int
    max_item_bytes: int
    """What is larger keeps its place, and nothing of it is read."""

    @classmethod
    def of(cls, archive_bytes: int, *, max_items: int, max_bytes: int, max_item_bytes: int) -> Self:
        """Those of an archive of so many bytes."""
        by_ratio = _FREE_BYTES + _MOST_RATIO * archive_bytes
        return cls(2 * max_items + _FREE_MEMBERS, min(max_bytes, by_ratio), max_item_bytes)


class Unpacked:
    """Counts what came out of one archive."""

    def __init__(self, limits: UnpackLimits) -> None:
        self._limits = limits
        self._members = self._bytes = 0

    def member(self) -> None:
        """One more.

        Raises:
            MalformedArchive: they are too many.
        """
        self._members += 1
        if self._members > self._limits.max_members:
            raise MalformedArchive(f"the archive has more than {self._limits.max_members} members")

    def count(self, size_bytes: int) -> None:
        """So many bytes more.

        Raises:
            MalformedArchive: they are too many.
        """
        self._bytes += size_bytes
        if self._bytes > self._limits.max_bytes:
            raise MalformedArchive(
                f"the archive unpacks to more than {self._limits.max_bytes} bytes, which is more"
                f" than is taken, or than {_MOST_RATIO} times its own size"
            )
