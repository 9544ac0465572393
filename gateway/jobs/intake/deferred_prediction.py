"""A prediction whose caller does not wait: the same body, and a job in place of the answer."""

from __future__ import annotations

from gateway.data_plane.front_door import Guest
from gateway.data_plane.media_types import BodyForm
from gateway.data_plane.predict_bodies import Items, read_items
from gateway.jobs.intake.chunk_writer import ChunkWriter
from gateway.jobs.intake.item_names import item_name
from gateway.jobs.intake.job_request import IDEMPOTENCY_HEADER, Asked, read_idempotency_key
from gateway.jobs.job import Job, JobTerms
from gateway.jobs.job_store import NewJob
from gateway.jobs.payload import JobItem
from gateway.request_context import record


async def deferred(guest: Guest, form: BodyForm, top_k: int | None) -> Job:
    """Read the body of a prediction, as one that is answered at once has it, and make it a job.

    Args:
        guest: Who asks; nothing of the body is read.
        form: How the items lie in it.
        top_k: As the caller said it.

    Raises:
        InvalidRequest: the narrowest class that fits what is wrong with the body.
        AdmissionError: there is no room for it.
        JobError: the job is not taken.
        DatabaseUnavailable: the database does not answer.
    """
    reception = guest.services.reception
    key = read_idempotency_key(guest.request.headers.getlist(IDEMPOTENCY_HEADER))
    with guest.admitted() as ticket:
        items = await read_items(guest, form, ticket)
        if guest.declared_bytes is None:
            size_bytes = record.get().body_bytes
            await guest.services.limits.charge(guest.key, requests=0, size_bytes=size_bytes)
        wanted = _wanted(guest, key, JobTerms(top_k=top_k, is_single=not items.is_batch))
        found = await reception.repeated(wanted)
        if found:
            return found
        size_bytes = sum(map(len, items.contents))
        most = guest.services.settings.max_image_bytes
        return await reception.receive(
            wanted, size_bytes, lambda writer: _fill(writer, items, most)
        )


def _wanted(guest: Guest, idempotency_key: str | None, terms: JobTerms) -> NewJob:
    return NewJob(
        key=guest.key,
        name=guest.name,
        task=guest.target.task,
        terms=terms,
        idempotency_key=idempotency_key,
        request_digest=Asked(guest.name, terms, "prediction").digest(),
    )


async def _fill(writer: ChunkWriter, items: Items, max_item_bytes: int) -> None:
    for content, filename in zip(items.contents, items.filenames, strict=True):
        name = item_name(filename or "")
        is_kept = len(content) <= max_item_bytes
        await writer.add(
            JobItem(name, content) if is_kept else JobItem(name, b"", omitted_bytes=len(content))
        )
