"""What a request for a job says beside its items."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import InvalidParameter, MalformedJson
from gateway.jobs.job import JobTerms, SourceFolder

IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
MOST_KEY_CHARACTERS: Final = 255
MOST_SOURCE_BYTES: Final = 64 * 1024
MOST_PREFIX_CHARACTERS: Final = 1024
_KEY: Final = re.compile(rf"[\x21-\x7e]{{1,{MOST_KEY_CHARACTERS}}}")
_ASYNC: Final = "respond-async"
_PREFIX: Final = r"^[^\x00-\x1f\x7f\\]*$"


class SourceBody(BaseModel):
    """Where the items of a job lie."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: str = Field(
        min_length=1, max_length=100, examples=["photos"], description="A name of the operator's."
    )
    prefix: str = Field(
        default="",
        max_length=MOST_PREFIX_CHARACTERS,
        pattern=_PREFIX,
        examples=["2026/"],
        description="Only what is below it; no `..` and no `//`, and no / at its beginning.",
    )


def read_source(body: bytes) -> SourceFolder:
    """Read the JSON that names a source.

    Raises:
        MalformedJson: it is no such JSON.
        InvalidParameter: the prefix leads elsewhere.
    """
    try:
        read = SourceBody.model_validate_json(body)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise MalformedJson(
            f'send {{"source": "...", "prefix": "..."}}: {where!r} {first["msg"]}'
        ) from exc
    parts = read.prefix.removesuffix("/").split("/") if read.prefix else []
    if any(part in {"", ".", ".."} for part in parts):
        raise InvalidParameter("prefix: it is a path below the source, without //, . and ..")
    return SourceFolder(read.source, read.prefix)


def read_alias(asked: Sequence[str]) -> str:
    """Read ?alias=.

    Raises:
        InvalidParameter: there is none.
    """
    if not asked or not asked[-1]:
        raise InvalidParameter("say who is to answer: ?alias=digits")
    return asked[-1]


def read_idempotency_key(said: Sequence[str]) -> str | None:
    """Read the header.

    Raises:
        InvalidParameter: it is empty, too long, or holds what no name should.
    """
    if not said:
        return None
    if len(said) > 1 or not _KEY.fullmatch(said[0]):
        raise InvalidParameter(
            f"{IDEMPOTENCY_HEADER} has 1 to {MOST_KEY_CHARACTERS} visible ASCII characters"
        )
    return said[0]


def prefers_async(said: Sequence[str]) -> bool:
    """Whether Prefer headers (RFC 7240) hold respond-async."""
    wishes = (wish.partition(";")[0].strip().lower() for it in said for wish in it.split(","))
    return any(wish == _ASYNC for wish in wishes)


@dataclass(frozen=True)
class Asked:
    """What tells one request from another beside its items."""

    name: str
    terms: JobTerms
    form: str
    """How the items come; a prediction that is answered later has a form of its own."""

    def digest(self) -> str:
        """In hex."""
        told = json.dumps([self.name, self.terms.to_json(), self.form])
        return hashlib.sha256(told.encode()).hexdigest()
