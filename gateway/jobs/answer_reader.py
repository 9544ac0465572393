"""What is recorded of jobs, for whoever reads along. No transaction lasts longer than one look."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from gateway.control_plane.transactions import translated
from gateway.jobs.job import Job
from gateway.jobs.job_errors import UnknownJob
from gateway.jobs.job_rows import job_of
from gateway.jobs.job_tables import JobResultRow, JobRow

# Chunks of answers in memory at a time: some ten kilobytes each, compressed.
_ROWS: Final = 4


class ReadChunks:
    """Which chunks of a job somebody has read; they need not be recorded in their order."""

    def __init__(self) -> None:
        self.all_below = 0
        self._beyond: set[int] = set()

    def __contains__(self, number: object) -> bool:
        return number in self._beyond or (isinstance(number, int) and number < self.all_below)

    def add(self, number: int) -> None:
        """Note one."""
        self._beyond.add(number)
        while self.all_below in self._beyond:
            self._beyond.remove(self.all_below)
            self.all_below += 1


class AnswerReader:
    """Reads jobs and their answers.

    Args:
        engine: The control plane's database.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def jobs(self, ids: Collection[str]) -> Sequence[Job]:
        """As they stand; one that is gone is left out.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = select(JobRow).where(JobRow.id.in_(ids))
        with translated():
            async with self._sessions() as session:
                return [job_of(row) for row in await session.scalars(wanted)]

    async def unread(self, job_id: str, read: ReadChunks) -> AsyncIterator[bytes]:
        """The lines of each chunk that is recorded now and was not read, in the items' order.

        Args:
            job_id: Of a job.
            read: Is told of each chunk that is given.

        Raises:
            UnknownJob: the job was cleared away meanwhile.
            DatabaseUnavailable: the database does not answer.
        """
        numbers = [it for it in await self._recorded(job_id, read.all_below) if it not in read]
        for begin in range(0, len(numbers), _ROWS):
            some = numbers[begin : begin + _ROWS]
            found = await self._lines(job_id, some)
            if len(found) != len(some):
                raise UnknownJob(f"the answers of job {job_id} are not kept any more")
            for number, lines in found:
                yield await asyncio.to_thread(zlib.decompress, lines)
                read.add(number)

    async def _recorded(self, job_id: str, first: int) -> Sequence[int]:
        wanted = select(JobResultRow.number).where(
            JobResultRow.job_id == job_id, JobResultRow.number >= first
        )
        with translated():
            async with self._sessions() as session:
                return (await session.scalars(wanted.order_by(JobResultRow.number))).all()

    async def _lines(self, job_id: str, numbers: Sequence[int]) -> Sequence[tuple[int, bytes]]:
        wanted = select(JobResultRow.number, JobResultRow.lines).where(
            JobResultRow.job_id == job_id, JobResultRow.number.in_(numbers)
        )
        with translated():
            async with self._sessions() as session:
                found = await session.execute(wanted.order_by(JobResultRow.number))
                return [(row.number, row.lines) for row in found]
