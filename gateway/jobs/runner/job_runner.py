"""Takes chunks, has them answered, and records the answers, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

from gateway.control_plane.database_writes import DatabaseWrites, Stamp
from gateway.errors import DatabaseUnavailable, GatewayError, UnknownAlias
from gateway.jobs.chunk_store import ChunkAnswers, ChunkStore, JobEnded
from gateway.jobs.job import Chunk, Claim
from gateway.jobs.runner.chunk_work import ItemsMissing, JobLost, ReleaseFails, Stopped

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=15)
# One is asked about, the next is brought from the storage, and one is being recorded.
_CHUNKS_AT_ONCE: Final = 3
_LOOK_SECONDS: Final = 0.25
_AFTER_TROUBLE: Final = timedelta(seconds=3)
# A chunk that so many workers began with and none gave back ends those who touch it.
_MOST_ATTEMPTS: Final = 5
AnswerT = TypeVar("AnswerT")


class Patience(NamedTuple):
    """How long a runner waits, in seconds."""

    renew: float = 5.0
    """Between two renewals of its leases."""
    database: float = 1.0
    """Until it asks a database again that did not answer."""
    missing: float = 300.0
    """Before a job is given up whose alias or items are not there, or whose release answers
    nothing: a supervisor that starts again may say nothing of an alias for a while, a storage may
    not be mounted, and a bad release is rolled back."""
    idle: float = 2.0
    """Between two looks for work while nobody has written to the database."""


_PATIENCE: Final = Patience()


class Work(Protocol):
    """What a runner needs of ChunkWork."""

    is_stopping: bool

    async def answers(self, claim: Claim) -> ChunkAnswers:
        """Answer the items of a chunk."""


class JobRunner:
    """Runs jobs of everybody.

    Args:
        chunks: Give work and take answers.
        work: Does it.
        writes: Tell where there can be nothing new.
        patience: How long to wait for what.
    """

    def __init__(
        self,
        chunks: ChunkStore,
        work: Work,
        writes: DatabaseWrites,
        patience: Patience = _PATIENCE,
    ) -> None:
        self._chunks = chunks
        self._work = work
        self._writes = writes
        self._patience = patience
        self._found_nothing: tuple[Stamp, float] | None = None
        self._tasks: dict[asyncio.Task[None], Chunk] = {}
        self._missing_since: dict[str, float] = {}
        self._is_in_trouble = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._tasks

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; then Triton answers what it was sent, and the rest is left."""
        renewing = asyncio.create_task(self._renew_always())
        try:
            while not stop.is_set():
                await self._begin_some()
                await self._wait(stop)
        finally:
            self._work.is_stopping = True
            # Whoever ends this process before they are done ends it on purpose.
            await self._told(partial(self._chunks.excuse, list(self._tasks.values())))
            await asyncio.gather(*self._tasks)
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _begin_some(self) -> None:
        while len(self._tasks) < _CHUNKS_AT_ONCE:
            stamp, now = self._writes.stamp(), asyncio.get_running_loop().time()
            if self._is_known_to_be_idle(stamp, now):
                return
            claim = await self._told(self._chunks.claim)
            if claim is None:
                self._found_nothing = (stamp, now) if stamp else None
                return
            task = asyncio.create_task(self._do(claim))
            self._tasks[task] = claim.chunk
            task.add_done_callback(self._tasks.pop)

    def _is_known_to_be_idle(self, stamp: Stamp | None, now: float) -> bool:
        if self._found_nothing is None or stamp != self._found_nothing[0]:
            return False
        return now - self._found_nothing[1] < self._patience.idle  # a pause may be over by then

    async def _wait(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait(
            {stopped, *self._tasks},
            timeout=_LOOK_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        stopped.cancel()

    async def _do(self, claim: Claim) -> None:
        """Do one chunk, whatever happens."""
        try:
            _check_attempts(claim)
            await self._record(claim, await self._work.answers(claim))
            self._missing_since.pop(claim.job.id, None)
        except JobEnded:
            logger.info("job %s has ended meanwhile", claim.job.id)
        except JobLost as exc:
            await self._fail(claim, str(exc))
        except (UnknownAlias, ItemsMissing, ReleaseFails) as exc:
            await self._wait_a_while(claim, str(exc))
        except Stopped:
            await self._give_back(claim, timedelta())
        except GatewayError as exc:
            # Its alias and its items are there: what was missing before is not "for long".
            self._missing_since.pop(claim.job.id, None)
            logger.warning("job %s waits: %s", claim.job.id, exc)
            await self._give_back(claim, _AFTER_TROUBLE)
        except Exception:  # last resort: one chunk must not end the others
            logger.exception("chunk %d of job %s", claim.chunk.number, claim.job.id)
            # Not given back: its lease runs out, and it counts as an attempt.

    async def _record(self, claim: Claim, answers: ChunkAnswers) -> None:
        """Record answers, however long the database is away: they are dear."""
        while True:
            try:
                await self._chunks.record(claim.chunk, answers)
            except DatabaseUnavailable as exc:
                self._note_trouble(exc)
                if self._work.is_stopping:
                    raise
                await asyncio.sleep(self._patience.database)
            else:
                return

    async def _wait_a_while(self, claim: Claim, sentence: str) -> None:
        now = asyncio.get_running_loop().time()
        since = self._missing_since.setdefault(claim.job.id, now)
        if now - since > self._patience.missing:
            await self._fail(claim, sentence)
        else:
            await self._give_back(claim, _AFTER_TROUBLE)

    async def _fail(self, claim: Claim, sentence: str) -> None:
        logger.error("job %s is given up: %s", claim.job.id, sentence)
        with contextlib.suppress(DatabaseUnavailable):  # whoever takes it next fails it
            await self._chunks.fail(claim.job.id, sentence)

    async def _give_back(self, claim: Claim, pause: timedelta) -> None:
        with contextlib.suppress(DatabaseUnavailable):  # its lease runs out
            await self._chunks.give_back(claim.chunk, pause)

    async def _renew_always(self) -> None:
        while True:
            await asyncio.sleep(self._patience.renew)
            if self._tasks:
                await self._told(partial(self._chunks.renew, list(self._tasks.values())))

    async def _told(self, ask: Callable[[], Awaitable[AnswerT]]) -> AnswerT | None:
        try:
            answer = await ask()
        except DatabaseUnavailable as exc:
            self._note_trouble(exc)
            await asyncio.sleep(self._patience.database)
            return None
        self._note_trouble(None)
        return answer

    def _note_trouble(self, trouble: Exception | None) -> None:
        if trouble and not self._is_in_trouble:
            logger.warning("%s; jobs go on when it does", trouble)
        self._is_in_trouble = trouble is not None


def _check_attempts(claim: Claim) -> None:
    if claim.attempt > _MOST_ATTEMPTS:
        raise JobLost(f"chunk {claim.chunk.number} has ended every worker that began with it")
