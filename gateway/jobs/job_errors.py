"""Why a job is not taken, not shown or not changed. Codes are stable, statuses live elsewhere.

JobError(GatewayError)
  UnknownJob, JobQuota, JobConflict, StorageUnavailable
InvalidRequest: MalformedArchive, MalformedJsonLines, UnknownSource, WebhookRefused
"""

from __future__ import annotations

from gateway.errors import GatewayError, InvalidRequest


class JobError(GatewayError):
    """Nothing was begun or changed."""


class UnknownJob(JobError):
    """There is no job of that id that this key may see."""

    code = "unknown_job"


class JobQuota(JobError):
    """This key has as much at work, or in store, as it may have."""

    code = "job_quota"


class JobConflict(JobError):
    """Another request came under the same Idempotency-Key, or is just being received."""

    code = "job_conflict"


class StorageUnavailable(JobError):
    """The storage of jobs does not do what it is asked; it may be full."""

    code = "storage_unavailable"


class MalformedArchive(InvalidRequest):
    """The ZIP or TAR cannot be read to its end, or unpacks to more than is taken."""

    code = "malformed_archive"


class MalformedJsonLines(InvalidRequest):
    """A line is no JSON, or not of a form that holds one text."""

    code = "malformed_json_lines"


class UnknownSource(InvalidRequest):
    """The operator has allowed no source of that name."""

    code = "unknown_source"


class WebhookRefused(InvalidRequest):
    """The webhook's address may not be called from here."""

    code = "webhook_refused"
