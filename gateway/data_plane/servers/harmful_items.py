"""Items that ended a stub when they were asked about alone: refused for a while, perhaps kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from gateway.metrics import GatewayMetrics
from python_backends.shared.contract import ItemAnswer, Status

logger = logging.getLogger(__name__)

HARMFUL: Final = ItemAnswer(Status.HARMFUL, (), ())
_REMEMBERED_SECONDS: Final = 900.0
_MOST_REMEMBERED: Final = 10_000


class HarmfulItems:
    """Remembers hashes; keeps the bytes themselves only where it is told to.

    Args:
        folder: Where reproducers are kept, each with a description beside it.
        kept_bytes: Most bytes of them; 0 keeps none, because what people send is private.
        metrics: Counts.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kept_bytes: int,
        metrics: GatewayMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._kept_bytes = kept_bytes
        self._metrics = metrics
        self._clock = clock
        self._until: dict[tuple[str, bytes], float] = {}

    def known_places(self, release: str, items: Sequence[bytes]) -> frozenset[int]:
        """Which items are known to do harm; nothing is hashed while none is."""
        if not self._until:
            return frozenset()
        now = self._clock()
        keys = ((release, hashlib.sha256(item).digest()) for item in items)
        return frozenset(
            place for place, key in enumerate(keys) if self._until.get(key, -1.0) > now
        )

    async def remember(self, release: str, item: bytes) -> None:
        """Refuse an item from now on, and keep it where that is wanted."""
        digest = hashlib.sha256(item)
        self._forget_old_ones()
        self._until[(release, digest.digest())] = self._clock() + _REMEMBERED_SECONDS
        self._metrics.harmful_items.inc()
        name = digest.hexdigest()
        logger.error("an item ended a stub release=%s sha256=%s", release, name)
        if self._kept_bytes:
            try:
                await asyncio.to_thread(self._keep, release, name, item)
            except OSError as exc:
                logger.warning("the item %s could not be kept: %s", name, exc)

    def _forget_old_ones(self) -> None:
        now = self._clock()
        self._until = {key: until for key, until in self._until.items() if until > now}
        while len(self._until) >= _MOST_REMEMBERED:
            del self._until[next(iter(self._until))]

    def _keep(self, release: str, name: str, item: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = sum(file.stat().st_size for file in self._folder.iterdir())
        if there + len(item) > self._kept_bytes:
            logger.warning("%s is full; the item %s is not kept", self._folder, name)
            return
        for file, content in (
            (self._folder / f"{name}.bin", item),
            (self._folder / f"{name}.json", _description(release, len(item))),
        ):
            file.touch(mode=0o600)
            file.write_bytes(content)


def _description(release: str, size_bytes: int) -> bytes:
    told = {"release": release, "bytes": size_bytes, "seen": time.strftime("%FT%TZ", time.gmtime())}
    return json.dumps(told).encode()
