"""Which body of a job an alias takes, decided by its task and the Content-Type alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from gateway.errors import UnsupportedMediaType
from python_backends.shared.contract import Task


class JobForm(Enum):
    """How the items of a job come."""

    FILES = "files"  # a form with one file per item
    ZIP = "zip"
    TAR = "tar"
    TAR_GZ = "tar.gz"
    JSON_LINES = "lines"  # a text in each
    SOURCE = "source"  # JSON that says where they lie


_FORMS: Final[Mapping[str, JobForm]] = {
    "multipart/form-data": JobForm.FILES,
    "application/zip": JobForm.ZIP,
    "application/x-tar": JobForm.TAR,
    "application/gzip": JobForm.TAR_GZ,
    "application/x-ndjson": JobForm.JSON_LINES,
    "application/json": JobForm.SOURCE,
}
# What browsers on Windows call a ZIP, what older servers call the others.
_ALSO: Final[Mapping[str, JobForm]] = {
    "application/x-zip-compressed": JobForm.ZIP,
    "application/x-gzip": JobForm.TAR_GZ,
    "application/jsonl": JobForm.JSON_LINES,
}
# An image is no text; a text may well be a file.
_NOT_OF: Final = {Task.IMAGE_CLASSIFICATION: {JobForm.JSON_LINES}}


def job_form(content_type: str | None, task: Task) -> JobForm:
    """Tell how to read the body of a job.

    Args:
        content_type: The header as it came; None where there was none.
        task: What the alias does.

    Raises:
        UnsupportedMediaType: no job comes so, or none of this alias.
    """
    media_type = (content_type or "").partition(";")[0].strip().lower()
    form = _FORMS.get(media_type) or _ALSO.get(media_type)
    refused = _NOT_OF.get(task, set())
    if form is None or form in refused:
        taken = [told for told, it in _FORMS.items() if it not in refused]
        said = (
            f"Content-Type {media_type[:100]!r} is not taken" if media_type else "no Content-Type"
        )
        raise UnsupportedMediaType(f"{said}; a job of this alias comes as {', '.join(taken)}")
    return form
