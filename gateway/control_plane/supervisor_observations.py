"""What the supervisor observed of its Triton: traces of single requests, samples of each step."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx
from pydantic import BaseModel, ValidationError

from gateway.errors import InferenceUnavailable

# Asked by people at a screen, never by a request.
_DEADLINE_SECONDS: Final = 2.0
_SAMPLES_BEGIN: Final = b'{"interval_seconds":'
_NO_SAMPLES: Final = "Triton's supervisor does not tell its samples"


class TritonSpan(BaseModel):
    """One span of the supervisor's /traces; times are ns of Triton's wall clock."""

    name: str
    model: str | None
    release: str | None
    step: str | None
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    queue_start_ns: int | None
    response_ns: int | None
    """Of a whole call: when its answer was complete."""
    compute_start_ns: int | None
    compute_end_ns: int | None


class TritonTrace(BaseModel):
    """The supervisor's /traces/{trace_id}."""

    trace_id: str
    spans: list[TritonSpan]


class StepSample(BaseModel):
    """What one interval saw; a model that is not named was not loaded."""

    time: str
    models: dict[str, list[float]]
    """By Triton model; the numbers stand in the order of `fields`."""


class StepSamples(BaseModel):
    """The supervisor's /samples."""

    interval_seconds: float
    fields: list[str]
    samples: list[StepSample]


class SupervisorObservations:
    """Asks one supervisor.

    Args:
        client: Its base URL is the supervisor's.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def trace(self, trace_id: str) -> list[TritonSpan]:
        """The spans that have arrived so far: none where the supervisor is silent or knows none."""
        try:
            answer = await self._get(f"/traces/{trace_id}")
            if answer.status_code != httpx.codes.OK:
                return []
            return TritonTrace.model_validate_json(answer.content).spans
        except (httpx.HTTPError, ValidationError, TimeoutError):
            return []

    async def samples(self, seconds: int) -> bytes:
        """The last samples as the supervisor's own JSON object, passed through.

        An hour of fifty releases is seven megabytes: to take it apart would hold up every request
        for a quarter of a second. Its shape is StepSamples; only its two ends are looked at.

        Raises:
            InferenceUnavailable: it is silent, or says something else.
        """
        try:
            answer = await self._get(f"/samples?seconds={seconds}")
        except (httpx.HTTPError, TimeoutError) as exc:
            raise InferenceUnavailable(_NO_SAMPLES) from exc
        is_samples = answer.content.startswith(_SAMPLES_BEGIN) and answer.content.endswith(b"]}")
        if answer.status_code != httpx.codes.OK or not is_samples:
            raise InferenceUnavailable(_NO_SAMPLES)
        return answer.content

    async def _get(self, path: str) -> httpx.Response:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            return await self._client.get(path)
