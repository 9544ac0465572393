"""Brings usage from memory into the record every few seconds; no request waits for it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from gateway.control_plane.key_usage.usage_counts import UsageCounts
from gateway.control_plane.key_usage.usage_store import UsageStore
from gateway.errors import DatabaseUnavailable

logger = logging.getLogger(__name__)

# What a process that is killed has not written down is lost: at most so much.
USAGE_INTERVAL_SECONDS: Final = 5.0
_CLEAR_INTERVAL_SECONDS: Final = 3600.0


class UsageReporter:
    """Trouble loses nothing: what could not be written is kept and tried again.

    Args:
        counts: Of this process.
        store: Takes them.
    """

    def __init__(self, counts: UsageCounts, store: UsageStore) -> None:
        self._counts = counts
        self._store = store
        self._is_in_trouble = False
        self._clear_at = time.monotonic()

    async def report(self) -> None:
        """Write down what was counted since the last time; trouble is logged once, never raised."""
        try:
            await self._write()
            if time.monotonic() >= self._clear_at:
                await self._store.clear_away()
                self._clear_at = time.monotonic() + _CLEAR_INTERVAL_SECONDS
        except DatabaseUnavailable:
            self._note(is_in_trouble=True)
        else:
            self._note(is_in_trouble=False)

    async def _write(self) -> None:
        taken = self._counts.take()
        if not taken:
            return
        # A write that has begun is waited for, also where the process ends meanwhile: what was put
        # back although it was written would be counted twice.
        writing = asyncio.ensure_future(self._store.add(taken))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise
        finally:
            if writing.cancelled() or writing.exception():
                self._counts.put_back(taken)

    def _note(self, *, is_in_trouble: bool) -> None:
        """Log only what changes."""
        if is_in_trouble and not self._is_in_trouble:
            logger.error("what keys use cannot be written down; it is kept and tried again")
        if self._is_in_trouble and not is_in_trouble:
            logger.warning("what keys use can be written down again")
        self._is_in_trouble = is_in_trouble
