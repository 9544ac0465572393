"""Items go in one by one, chunks come out: each in the storage first, then in the record."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import EmptyBody, PayloadTooLarge
from gateway.jobs.job import Chunk
from gateway.jobs.job_errors import JobConflict, JobQuota
from gateway.jobs.job_store import JobStore
from gateway.jobs.payload import CHUNK_BYTES, CHUNK_ITEMS, JobItem, pack_items
from gateway.jobs.payload_shelf import PayloadShelf


@dataclass(frozen=True)
class IntakeLimits:
    """What one job may bring."""

    max_items: int
    max_bytes: int
    """Of all items together, unpacked."""
    key_id: str
    key_bytes: int
    """What all jobs of its key may have in store together."""
    left_bytes: int
    """What was left of that when this one began."""


class ChunkWriter:
    """Cuts the items of one job into chunks. It holds one chunk, and twice while it is put away.

    Args:
        job_id: Of a job that is being received.
        jobs: The record.
        shelf: Keeps chunks.
        limits: Of this job.
    """

    def __init__(
        self, job_id: str, jobs: JobStore, shelf: PayloadShelf, limits: IntakeLimits
    ) -> None:
        self._job_id = job_id
        self._jobs = jobs
        self._shelf = shelf
        self._limits = limits
        self._pending: list[JobItem] = []
        self._pending_bytes = 0
        self._number = self._first = 0
        self._items = self._bytes = 0

    @property
    def limits(self) -> IntakeLimits:
        """Of this job."""
        return self._limits

    async def add(self, item: JobItem) -> None:
        """Take one item, in its turn.

        Raises:
            PayloadTooLarge: the job has more items or bytes than it may.
            JobQuota: its key has no more bytes.
            JobConflict: nobody wants the job any more.
            StorageUnavailable: a chunk cannot be kept.
            DatabaseUnavailable: a chunk cannot be noted.
        """
        # An empty item is not for nothing either: its name is kept.
        size_bytes = len(item.content) + len(item.name)
        if self._pending and self._pending_bytes + size_bytes > CHUNK_BYTES:
            await self._put_away()
        self._count(size_bytes)
        self._pending.append(item)
        self._pending_bytes += size_bytes
        if len(self._pending) == CHUNK_ITEMS or self._pending_bytes >= CHUNK_BYTES:
            await self._put_away()

    async def finish(self) -> None:
        """Put the last chunk away.

        Raises:
            EmptyBody: no item has come.
            JobConflict: nobody wants the job any more.
            StorageUnavailable: it cannot be kept.
            DatabaseUnavailable: it cannot be noted.
        """
        if not self._items:
            raise EmptyBody("there is no file and no text in the body")
        if self._pending:
            await self._put_away()

    def _count(self, size_bytes: int) -> None:
        self._items += 1
        self._bytes += size_bytes
        if self._items > self._limits.max_items:
            raise PayloadTooLarge(f"at most {self._limits.max_items} items are taken in one job")
        if self._bytes > self._limits.max_bytes:
            raise PayloadTooLarge(f"the job has more than {self._limits.max_bytes} bytes, unpacked")

    async def _put_away(self) -> None:
        packed = pack_items(self._pending)
        chunk = Chunk(self._job_id, self._number, self._first, len(self._pending))
        self._pending, self._pending_bytes = [], 0
        # Others of this key may come in meanwhile, here and at other gateways: what was left when
        # this one began, they found too.
        held = await self._jobs.holdings(self._limits.key_id)
        if held.stored_bytes + len(packed) > self._limits.key_bytes:
            raise JobQuota("this key would have more bytes in jobs than it may")
        await self._shelf.put(self._job_id, chunk.number, packed)
        if not await self._jobs.add_chunk(chunk, len(packed)):
            raise JobConflict("the job was ended while its items came in")
        self._number += 1
        self._first += chunk.items
