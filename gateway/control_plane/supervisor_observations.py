"""What supervisors observed of their Tritons: traces of single requests, samples of each step."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx
from pydantic import BaseModel, ValidationError

from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.server import Server
from gateway.errors import InferenceUnavailable

# Asked by people at a screen, never by a request.
_DEADLINE_SECONDS: Final = 2.0
_SAMPLES_BEGIN: Final = b'{"interval_seconds":'
_NO_SAMPLES: Final = "no supervisor of a Triton tells its samples"


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
    processes: dict[str, list[float]] = {}
    """By what they are for: `supervisor`, `tritonserver`, a step's model, its decoders; in the
    order of `process_fields`."""
    gpus: dict[str, list[float]] = {}
    """By UUID, where a release runs on one; in the order of `gpu_fields`."""


class StepSamples(BaseModel):
    """The supervisor's /samples."""

    interval_seconds: float
    fields: list[str]
    process_fields: list[str] = []
    gpu_fields: list[str] = []
    samples: list[StepSample]


class SupervisorObservations:
    """Asks every supervisor.

    Args:
        fleet: The servers.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def trace(self, trace_id: str) -> list[TritonSpan]:
        """The spans that have arrived so far: none where supervisors are silent or know none."""
        asked = (_trace(server, trace_id) for server in self._fleet.servers)
        return [span for spans in await asyncio.gather(*asked) for span in spans]

    async def samples(self, seconds: int, since: str | None) -> dict[str, bytes]:
        """The last samples of each server as its supervisor's own JSON object, passed through.

        An hour of fifty releases is seven megabytes: to take it apart would hold up every request
        for a quarter of a second. Its shape is StepSamples; only its two ends are looked at.

        Raises:
            InferenceUnavailable: all of them are silent, or say something else.
        """
        servers = self._fleet.servers
        query = f"seconds={seconds}" + (f"&since={since}" if since else "")
        told = await asyncio.gather(*(_samples(server, query) for server in servers))
        found = {it.name: said for it, said in zip(servers, told, strict=True) if said is not None}
        if not found:
            raise InferenceUnavailable(_NO_SAMPLES)
        return found


async def _trace(server: Server, trace_id: str) -> list[TritonSpan]:
    try:
        answer = await _get(server, f"/traces/{trace_id}")
        if answer.status_code != httpx.codes.OK:
            return []
        return TritonTrace.model_validate_json(answer.content).spans
    except (httpx.HTTPError, ValidationError, TimeoutError):
        return []


async def _samples(server: Server, query: str) -> bytes | None:
    try:
        answer = await _get(server, f"/samples?{query}")
    except (httpx.HTTPError, TimeoutError):
        return None
    is_samples = answer.content.startswith(_SAMPLES_BEGIN) and answer.content.endswith(b"]}")
    return answer.content if answer.status_code == httpx.codes.OK and is_samples else None


async def _get(server: Server, path: str) -> httpx.Response:
    async with asyncio.timeout(_DEADLINE_SECONDS):
        return await server.supervisor.get(path)
