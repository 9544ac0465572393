"""Writes down each second what this process has counted; nothing waits for it."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final

from gateway.control_plane.experiments.gallery import Gallery
from gateway.control_plane.experiments.totals_store import TotalsStore
from gateway.data_plane.arm_counts import ArmCounts
from gateway.data_plane.mirroring.mirror import Mirror
from gateway.errors import DatabaseUnavailable
from triptych.routing import Route

logger = logging.getLogger(__name__)

REPORT_INTERVAL_SECONDS: Final = 1.0
_CLEAR_INTERVAL_SECONDS: Final = 3600.0


class TotalsReporter:
    """Brings what is in memory into the record. Trouble loses nothing: it is brought later.

    Args:
        store: Takes totals.
        gallery: Takes disagreements.
        arms: Has the totals of arms.
        mirror: Has those of pairs, and disagreements.
        routes: What aliases mean now.
    """

    def __init__(
        self,
        store: TotalsStore,
        gallery: Gallery,
        arms: ArmCounts,
        mirror: Mirror,
        routes: Callable[[], Mapping[str, Route]],
    ) -> None:
        # Of this process alone, so that two never overwrite each other's numbers.
        self._reporter = secrets.token_hex(8)
        self._store = store
        self._gallery = gallery
        self._arms = arms
        self._mirror = mirror
        self._routes = routes
        self._is_in_trouble = False
        self._clear_at = time.monotonic()

    async def report(self) -> None:
        """Write down what changed since the last time; trouble is logged once, never raised."""
        try:
            await self._write_totals()
            await self._write_disagreements()
            if time.monotonic() >= self._clear_at:
                await self._gallery.clear_away()
                await self._store.clear_away()
                self._clear_at = time.monotonic() + _CLEAR_INTERVAL_SECONDS
            self._note(is_in_trouble=False)
        except DatabaseUnavailable:
            self._note(is_in_trouble=True)
        for tally in (self._arms.tally, self._mirror.tally):
            tally.forget(self._routes())

    async def close(self) -> None:
        """Write down the rest."""
        await self._mirror.close()
        await self.report()

    async def _write_totals(self) -> None:
        arms, pairs = self._arms.tally.take_changed(), self._mirror.tally.take_changed()
        if not arms and not pairs:
            return
        try:
            await self._store.write(self._reporter, arms, pairs)
        except BaseException:  # also where the process ends meanwhile
            self._arms.tally.put_back(arms)
            self._mirror.tally.put_back(pairs)
            raise

    async def _write_disagreements(self) -> None:
        disagreements = self._mirror.disagreements.take()
        if not disagreements:
            return
        try:
            await self._gallery.add(disagreements)
        except BaseException:  # as above; twice is better than never
            self._mirror.disagreements.put_back(disagreements)
            raise

    def _note(self, *, is_in_trouble: bool) -> None:
        """Log only what changes."""
        if is_in_trouble != self._is_in_trouble:
            if is_in_trouble:
                logger.error("what arms do cannot be written down; it is kept and tried again")
            else:
                logger.warning("what arms do can be written down again")
        self._is_in_trouble = is_in_trouble
