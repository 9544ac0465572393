"""Answers that gateways share through Redis. Without Redis there is nothing here, and no error."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from python_backends.shared.contract import ItemAnswer, Status

logger = logging.getLogger(__name__)

_PREFIX: Final = b"triptych:answer:"
# Waiting longer costs more than most models do.
_TIMEOUT_SECONDS: Final = 0.1
# Nor does every request wait that long for a Redis that is away.
_PAUSE_SECONDS: Final = 1.0

_Got = TypeVar("_Got")


class RedisCache:
    """Looks answers up and stores them; what goes wrong counts as a miss.

    Args:
        url: As redis-py takes it; may hold a password, so it is never logged.
        ttl_seconds: How long Redis keeps an answer.
    """

    def __init__(self, url: str, *, ttl_seconds: float) -> None:
        self._client: Redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._ttl_ms = max(1, round(ttl_seconds * 1000))
        self._away_until = 0.0
        self._is_away = False

    async def get_many(self, keys: Sequence[bytes]) -> dict[bytes, ItemAnswer]:
        """The answers that Redis has."""
        raw = await self._tried(lambda: self._client.mget([_PREFIX + key for key in keys]))
        found = zip(keys, raw or (), strict=False)
        answers = {key: decode_answer(value) for key, value in found if value is not None}
        return {key: answer for key, answer in answers.items() if answer is not None}

    async def put_many(self, answers: Mapping[bytes, ItemAnswer]) -> None:
        """Store answers."""
        await self._tried(lambda: self._store(answers))

    async def _store(self, answers: Mapping[bytes, ItemAnswer]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for key, answer in answers.items():
                pipeline.set(_PREFIX + key, encode_answer(answer), px=self._ttl_ms)
            await pipeline.execute()

    async def _tried(self, action: Callable[[], Awaitable[_Got]]) -> _Got | None:
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                got = await action()
        except (RedisError, OSError, TimeoutError) as exc:
            self._away_until = time.monotonic() + _PAUSE_SECONDS
            self._note(type(exc).__name__)
            return None
        self._note(None)
        return got

    def _note(self, trouble: str | None) -> None:
        """Log only what changes."""
        if self._is_away != (trouble is not None):
            logger.warning("redis, for answers: %s", trouble or "answers again")
        self._is_away = trouble is not None

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()


def encode_answer(answer: ItemAnswer) -> bytes:
    """Write an answer as Redis keeps it."""
    return json.dumps(
        [int(answer.status), answer.labels, answer.scores], separators=(",", ":")
    ).encode()


def decode_answer(raw: bytes | str) -> ItemAnswer | None:
    """Read an answer again; what is not exactly one is none."""
    try:
        status, labels, scores = json.loads(raw)
        answer = ItemAnswer(Status(status), tuple(labels), tuple(scores))
    except (ValueError, TypeError, RecursionError):
        return None
    is_whole = (
        len(answer.labels) == len(answer.scores)
        and bool(answer.labels) == answer.status.is_answered
        and all(isinstance(label, str) for label in answer.labels)
        and all(isinstance(score, float) for score in answer.scores)
    )
    return answer if is_whole else None
