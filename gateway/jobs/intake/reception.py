"""Begins jobs, and gives up those whose items do not all come."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import DatabaseUnavailable, GatewayError, Overloaded
from gateway.jobs.intake.chunk_writer import ChunkWriter, IntakeLimits
from gateway.jobs.intake.spools import Spools
from gateway.jobs.job import Job
from gateway.jobs.job_errors import JobQuota, StorageUnavailable
from gateway.jobs.job_store import JobStore, NewJob
from gateway.jobs.payload_shelf import PayloadShelf, storage_url
from gateway.settings import GatewaySettings

logger = logging.getLogger(__name__)

Fill = Callable[[ChunkWriter], Awaitable[None]]

# Each holds a few chunks: so many with the largest items take some gigabytes.
_MOST_AT_ONCE: Final = 64
# A worker gives up a job that is silent for several of these (runner/retention.py).
_BEAT_SECONDS: Final = 10.0


class Reception:
    """Takes jobs in; one per process.

    Args:
        settings: Say how much a job and a key may have.
        jobs: The record.
        shelf: Keeps items.
        beat_seconds: How often it says that items still come in.
        most_at_once: How many jobs may come in.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        jobs: JobStore,
        shelf: PayloadShelf,
        *,
        beat_seconds: float = _BEAT_SECONDS,
        most_at_once: int = _MOST_AT_ONCE,
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._shelf = shelf
        self._beat_seconds = beat_seconds
        self._beginning = asyncio.Lock()
        self._at_once = asyncio.Semaphore(most_at_once)
        self._abandoning: set[asyncio.Task[None]] = set()
        self.spools = Spools()

    async def repeated(self, wanted: NewJob) -> Job | None:
        """Find the job that the same request began before.

        Raises:
            JobConflict: its key was another request's, or its items still come in.
            DatabaseUnavailable: the database does not answer.
        """
        key = wanted.idempotency_key
        if key is None:
            return None
        return await self._jobs.repeated(wanted.key, key, wanted.request_digest)

    async def begin(self, wanted: NewJob) -> Job:
        """Note a job whose items a worker looks for.

        Raises:
            JobQuota: its key has as much as it may have.
            JobConflict: another request has just come under its idempotency key.
            DatabaseUnavailable: the database does not answer.
        """
        job, _ = await self._begin(wanted, 0)
        return job

    async def receive(self, wanted: NewJob, declared_bytes: int, fill: Fill) -> Job:
        """Take a job whose items come now; it is given up when they do not come to their end.

        Args:
            wanted: What is asked.
            declared_bytes: As far as the headers tell; 0 where they do not.
            fill: Adds the items.

        Returns:
            The job, which has all its items.

        Raises:
            EmptyBody: none came.
            Overloaded: as much comes in as may at once.
            JobQuota: its key has as much as it may have.
            JobConflict: another request has just come under its idempotency key.
            PayloadTooLarge: there are more items than one job may have.
            StorageUnavailable: its items cannot be kept.
            DatabaseUnavailable: the database does not answer.
        """
        if self._at_once.locked():
            raise Overloaded("as many jobs come in as may at once")
        async with self._at_once:
            job, limits = await self._begin(wanted, declared_bytes)
            writer = ChunkWriter(job.id, self._jobs, self._shelf, limits)
            try:
                async with self._beating(job.id):
                    await fill(writer)
                    await writer.finish()
                return await self._jobs.close(job.id)
            except BaseException as exc:
                await self._give_up(job.id, _sentence(exc))
                raise

    async def _begin(self, wanted: NewJob, declared_bytes: int) -> tuple[Job, IntakeLimits]:
        settings = self._settings
        # One after the other, or many requests at once would all find room for one more.
        async with self._beginning:
            held = await self._jobs.holdings(wanted.key.id)
            if held.alive >= settings.jobs_per_key:
                raise JobQuota(f"this key has {held.alive} jobs at work, and may have no more")
            left = settings.job_bytes_per_key - held.stored_bytes
            if left <= 0 or declared_bytes > left:
                raise JobQuota(
                    f"this key has {held.stored_bytes} bytes in jobs; at most"
                    f" {settings.job_bytes_per_key} are kept"
                )
            job = await self._jobs.begin(wanted)
        return job, IntakeLimits(
            max_items=settings.job_max_items,
            max_bytes=settings.job_max_bytes,
            key_id=wanted.key.id,
            key_bytes=settings.job_bytes_per_key,
            left_bytes=left,
        )

    @contextlib.asynccontextmanager
    async def _beating(self, job_id: str) -> AsyncIterator[None]:
        """Say now and then that items still come in, however slowly."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(self._beat_seconds)
                with contextlib.suppress(DatabaseUnavailable):
                    await self._jobs.touch(job_id)

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _give_up(self, job_id: str, sentence: str) -> None:
        # It goes on when this request's task is cancelled; what then is left, a worker finds.
        task = asyncio.create_task(self._abandon(job_id, sentence))
        self._abandoning.add(task)
        task.add_done_callback(self._abandoning.discard)
        await asyncio.shield(task)

    async def _abandon(self, job_id: str, sentence: str) -> None:
        try:
            try:
                await self._shelf.remove(job_id)
            except StorageUnavailable:
                await self._jobs.abandon(job_id, sentence)
                raise
            # Who only ever sends what is refused should not fill the list of jobs.
            if not await self._jobs.withdraw(job_id):
                await self._jobs.abandon(job_id, sentence)
        except (DatabaseUnavailable, StorageUnavailable) as exc:
            logger.warning("job %s is given up; a worker is to clear it away: %s", job_id, exc)


def open_reception(settings: GatewaySettings, engine: AsyncEngine) -> Reception:
    """Make the one of this process.

    Raises:
        StartRefused: jobs cannot be kept where the settings say.
    """
    return Reception(settings, JobStore(engine), PayloadShelf(storage_url(settings)))


def _sentence(exc: BaseException) -> str:
    match exc:
        case GatewayError():
            return f"it was not taken: {exc}"
        case asyncio.CancelledError():
            return "the gateway ended while its items came in"
        case _:
            return "its items did not all come: the upload broke off"
