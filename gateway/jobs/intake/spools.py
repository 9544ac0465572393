"""How much of archives lies here while they come in and are looked into, by key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.jobs.job_errors import JobQuota


class Spool:
    """One archive on its way.

    Args:
        beside: All that are, this one among them.
        key_id: Whose it is.
        left_bytes: What its key had left when it began.
    """

    def __init__(self, beside: set[Spool], key_id: str, left_bytes: int) -> None:
        self._beside = beside
        self._left_bytes = left_bytes
        self.key_id = key_id
        self.size_bytes = 0

    def count(self, body_bytes: int) -> None:
        """So many bytes so far.

        Raises:
            JobQuota: with what else comes in of its key, that is more than it has left.
        """
        self.size_bytes = body_bytes
        if sum(it.size_bytes for it in self._beside if it.key_id == self.key_id) > self._left_bytes:
            raise JobQuota("this key has more archives coming in than it has bytes left for jobs")


class Spools:
    """Those of one process."""

    def __init__(self) -> None:
        self._open: set[Spool] = set()

    @contextmanager
    def one(self, key_id: str, left_bytes: int) -> Iterator[Spool]:
        """Count one until it is put away."""
        spool = Spool(self._open, key_id, left_bytes)
        self._open.add(spool)
        try:
            yield spool
        finally:
            self._open.remove(spool)
