"""What a job is made of, as POST /v1/jobs reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath

from ui.calls.gateway_http import Body, Form
from ui.encoded_image import EncodedImage

# By the last suffix of an archive's name.
ARCHIVE_TYPES = {
    ".zip": "application/zip",
    ".tar": "application/x-tar",
    ".tgz": "application/gzip",
    ".gz": "application/gzip",
}


def is_archive(name: str) -> bool:
    """Whether a file of that name holds others."""
    return _suffix(name) in ARCHIVE_TYPES


def of_archive(name: str, data: bytes) -> Body:
    """A ZIP or TAR, by its name."""
    return Body(data, ARCHIVE_TYPES[_suffix(name)])


def of_pictures(pictures: Sequence[EncodedImage]) -> Form:
    """Files of their own."""
    return Form(tuple((it.name, it.data, it.content_type) for it in pictures))


def of_texts(texts: Sequence[str]) -> Body:
    """JSON lines, in ASCII: what is no character is the gateway's to refuse."""
    lines = "".join(f"{json.dumps(text)}\n" for text in texts)
    return Body(lines.encode("ascii"), "application/x-ndjson")


def of_source(source: str, prefix: str) -> Body:
    """What lies below a prefix of a source that the operator has allowed."""
    return Body.of_json({"source": source, "prefix": prefix})


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()
