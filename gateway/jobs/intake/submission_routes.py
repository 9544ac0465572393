"""POST /v1/jobs: many items now, their answers later."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response

from gateway.bare_route import BareRoute
from gateway.control_plane.api_key import ApiKey, Scope
from gateway.data_plane.media_types import refuse_content_coding
from gateway.data_plane.request_body import (
    Counter,
    counted,
    declared_bytes,
    read_body,
    refuse_declared_excess,
)
from gateway.data_plane.top_k import read_top_k
from gateway.dependencies import authenticate, check_may_use, services_of
from gateway.jobs.intake.accepted_job import ACCEPTED, job_body, job_headers
from gateway.jobs.intake.archives import ARCHIVES, take_archive
from gateway.jobs.intake.chunk_writer import ChunkWriter
from gateway.jobs.intake.form_parts import FormParts
from gateway.jobs.intake.job_forms import JobForm, job_form
from gateway.jobs.intake.job_request import (
    IDEMPOTENCY_HEADER,
    MOST_SOURCE_BYTES,
    Asked,
    read_alias,
    read_idempotency_key,
    read_source,
)
from gateway.jobs.intake.json_lines import JsonLines
from gateway.jobs.intake.submission_openapi import DESCRIPTION, RESPONSES
from gateway.jobs.intake.turns import in_turns
from gateway.jobs.job import Job, JobTerms, SourceFolder
from gateway.jobs.job_errors import UnknownSource
from gateway.jobs.job_store import NewJob
from gateway.jobs.webhooks.webhook_url import check_webhook
from gateway.request_context import record
from gateway.services import Services
from gateway.settings import BodyPatience
from python_backends.shared.contract import Task

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=BareRoute)

_SHOWN_CHARACTERS: Final = 100
# Where limits are shared, each payment is a call to Redis.
_PAID_AT_ONCE: Final = 256 * 1024


@router.post(
    "",
    status_code=ACCEPTED,
    openapi_extra=DESCRIPTION,
    responses=RESPONSES,
    summary="Have many images or texts classified later",
)
async def submit_job(request: Request) -> Response:
    """Take the items and answer at once, or name a source of them that the operator has allowed.

    The items of a job are answered by and by, with what Triton has left beside those who wait.
    One that is refused does so alone: its answer says why. Files, members of an archive and
    texts keep their order. What an archive calls its members is a label and nothing else; links,
    devices and files that begin with a dot are left out.
    """
    arrival = await _arrival(request)
    source = await _source(arrival) if arrival.form is JobForm.SOURCE else None
    job = await arrival.submitted(source)
    return Response(job_body(job), ACCEPTED, job_headers(job))


@dataclass(frozen=True)
class _Arrival:
    """A request for a job, as its headers tell."""

    request: Request
    services: Services
    key: ApiKey
    name: str
    task: Task
    form: JobForm
    top_k: int | None
    webhook: str | None
    idempotency_key: str | None

    async def submitted(self, source: SourceFolder | None) -> Job:
        reception, wanted = self.services.reception, self._wanted(source)
        found = await reception.repeated(wanted)
        if found:
            return found
        if source:
            return await reception.begin(wanted)
        return await reception.receive(wanted, declared_bytes(self.request) or 0, self._fill)

    def _wanted(self, source: SourceFolder | None) -> NewJob:
        terms = JobTerms(top_k=self.top_k, webhook=self.webhook, source=source)
        return NewJob(
            key=self.key,
            name=self.name,
            task=self.task,
            terms=terms,
            idempotency_key=self.idempotency_key,
            request_digest=Asked(self.name, terms, self.form.value).digest(),
        )

    def patience(self) -> BodyPatience:
        settings = self.services.settings
        return BodyPatience(settings.body_silence_seconds, settings.job_upload_seconds)

    async def _fill(self, writer: ChunkWriter) -> None:
        if self.form in ARCHIVES:
            limits = writer.limits
            with self.services.reception.spools.one(limits.key_id, limits.left_bytes) as spool:
                async with aclosing(self._pieces(spool)) as pieces:
                    await take_archive(self.form, pieces, writer, self.services.settings)
            return
        async with aclosing(self._pieces()) as pieces:
            if self.form is JobForm.FILES:
                await self._take_files(in_turns(pieces), writer)
            else:
                await _take_lines(in_turns(pieces), writer)

    async def _pieces(self, counter: Counter | None = None) -> AsyncGenerator[bytes, None]:
        """The body; what no header said of its size is paid for as it comes.

        Workers take the first items while the last ones come: at the end it would be too late.
        """
        limit_bytes, unpaid_bytes = self.services.settings.job_max_bytes, 0
        is_undeclared = declared_bytes(self.request) is None
        body = counted(self.request, limit_bytes, self.patience(), counter)
        async with aclosing(body) as pieces:
            async for piece in pieces:
                unpaid_bytes += len(piece)
                if is_undeclared and unpaid_bytes >= _PAID_AT_ONCE:
                    await self.charge(unpaid_bytes)
                    unpaid_bytes = 0
                yield piece
        if is_undeclared:
            await self.charge(unpaid_bytes)

    async def _take_files(self, pieces: AsyncIterator[bytes], writer: ChunkWriter) -> None:
        most = self.services.settings.max_image_bytes
        parts = FormParts(self.request.headers["content-type"], most)
        async for piece in pieces:
            for item in parts.take(piece):
                await writer.add(item)
        parts.end()

    async def charge(self, size_bytes: int) -> None:
        """Have the key pay for a part of a body of which no header said how large it would be."""
        await self.services.limits.charge(self.key, requests=0, size_bytes=size_bytes)


async def _take_lines(pieces: AsyncIterator[bytes], writer: ChunkWriter) -> None:
    lines = JsonLines()
    async for piece in pieces:
        for item in lines.take(piece):
            await writer.add(item)
    for item in lines.end():
        await writer.add(item)


async def _arrival(request: Request) -> _Arrival:
    """Say from the headers who asks for what, and whether they may."""
    services, known = services_of(request), record.get()
    key = await authenticate(request, Scope.PREDICT)
    query, headers = request.query_params, request.headers
    name = read_alias(query.getlist("alias"))
    check_may_use(key, name)
    declared = declared_bytes(request)
    await services.limits.charge(key, requests=1, size_bytes=declared or 0)
    target = services.routes.choose(name, None, key.id).target
    known.alias, known.tenant = name, key.tenant
    refuse_content_coding(headers.get("content-encoding"))
    form = job_form(headers.get("content-type"), target.task)
    is_small = form is JobForm.SOURCE
    refuse_declared_excess(
        request, MOST_SOURCE_BYTES if is_small else services.settings.job_max_bytes
    )
    return _Arrival(
        request=request,
        services=services,
        key=key,
        name=name,
        task=target.task,
        form=form,
        top_k=read_top_k(query.getlist("top_k"), target.top_k),
        webhook=await _webhook(services, query.getlist("webhook")),
        idempotency_key=read_idempotency_key(headers.getlist(IDEMPOTENCY_HEADER)),
    )


async def _webhook(services: Services, asked: list[str]) -> str | None:
    if not asked:
        return None
    await check_webhook(asked[-1], services.settings.webhooks_allowed)
    return asked[-1]


async def _source(arrival: _Arrival) -> SourceFolder:
    body = await read_body(arrival.request, MOST_SOURCE_BYTES, arrival.patience())
    if declared_bytes(arrival.request) is None:
        await arrival.charge(len(body))
    source = read_source(body)
    if source.source not in arrival.services.settings.job_sources:
        raise UnknownSource(f"there is no source {source.source[:_SHOWN_CHARACTERS]!r}")
    return source
