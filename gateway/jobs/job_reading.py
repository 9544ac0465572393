"""What shows jobs to those who may see them; what takes and begins them is elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.answer_reader import AnswerReader
from gateway.jobs.job_watch import JobWatch
from gateway.jobs.webhooks.signature import WebhookSecrets


@dataclass(frozen=True)
class JobReading:
    """Its parts."""

    answers: AnswerReader
    watch: JobWatch
    webhook_secrets: WebhookSecrets


@contextlib.asynccontextmanager
async def job_reading(engine: AsyncEngine, hash_secret: str) -> AsyncIterator[JobReading]:
    """Put them together, and look while somebody watches.

    Args:
        engine: The control plane's database.
        hash_secret: Of which the secrets of webhooks are made.
    """
    answers = AnswerReader(engine)
    watch = JobWatch(answers.jobs)
    looking = asyncio.create_task(watch.run())
    try:
        yield JobReading(answers, watch, WebhookSecrets(hash_secret))
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
