"""Tells those who asked for it that a job has ended; lives in the worker."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.errors import DatabaseUnavailable
from gateway.jobs.job import Job
from gateway.jobs.job_rows import utc_now
from gateway.jobs.job_schemas import described_job
from gateway.jobs.webhooks.caller import WebhookCaller, WebhookTrouble
from gateway.jobs.webhooks.notice_store import Notice, NoticeStore
from gateway.jobs.webhooks.signature import WebhookSecrets, signed_headers

logger = logging.getLogger(__name__)

# Each may take ten seconds; that many hosts that do not answer keep the others waiting so long.
_MOST_AT_ONCE: Final = 16


class Courier:
    """Delivers what is due, several at a time, and never keeps its caller waiting for them.

    Args:
        notices: What is due.
        caller: Calls webhooks.
        secrets: Sign them.
        clock: The time in UTC.
    """

    def __init__(
        self,
        notices: NoticeStore,
        caller: WebhookCaller,
        secrets: WebhookSecrets,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._notices = notices
        self._caller = caller
        self._secrets = secrets
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()

    async def tick(self) -> None:
        """Begin with what is due now, as far as there is room.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        room = _MOST_AT_ONCE - len(self._under_way)
        if room <= 0:
            return
        for notice in await self._notices.claim(room):
            task = asyncio.create_task(self._deliver(notice))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*self._under_way)

    async def close(self) -> None:
        """Stop; what is under way is tried again a minute after it began."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._caller.close()

    async def _deliver(self, notice: Notice) -> None:
        try:
            await self._try(notice)
        except DatabaseUnavailable:
            logger.warning("that job %s was told of is not noted", notice.job.id)
        except Exception:  # last resort: nobody would look at a task that failed
            logger.exception("telling of job %s has failed", notice.job.id)

    async def _try(self, notice: Notice) -> None:
        job = notice.job
        body = _message(job, self._clock())
        moment = int(self._clock().timestamp())
        headers = signed_headers(self._secrets.of(job.key_id), job.id, moment, body)
        try:
            await self._caller.call(notice.url, headers, body)
        except WebhookTrouble as exc:
            goes_on = await self._notices.failed(notice, str(exc))
            then = "it is tried again" if goes_on else "it is given up"
            # Not the URL, in which there may be a secret.
            logger.warning(
                "webhook of job %s, attempt %d: %s; %s", job.id, notice.attempt, exc, then
            )
            return
        await self._notices.delivered(notice)
        logger.info("webhook of job %s was heard, attempt %d", job.id, notice.attempt)


def _message(job: Job, now: datetime) -> bytes:
    moment = (job.ended_at or now).isoformat()
    told = described_job(job, now=now).model_dump(mode="json")
    return json.dumps({"type": "job.ended", "timestamp": moment, "data": told}).encode()
