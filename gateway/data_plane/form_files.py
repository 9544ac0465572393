"""A multipart body taken apart in memory: its files, in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Final

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from gateway.data_plane.request_body import Counter, counted
from gateway.errors import MalformedMultipart, TooManyFiles
from gateway.settings import BodyPatience

# Beside the files a form may carry a few small fields; they are ignored.
_MAX_FIELDS: Final = 16
_MAX_FIELD_BYTES: Final = 1024


@dataclass(frozen=True)
class NamedFile:
    """One file of a multipart body."""

    filename: str
    content: bytes


class _InMemoryParser(MultiPartParser):
    """Starlette's parser, which would otherwise put every photograph into a temporary file.

    It would also drop the last file of a body that ends early, without closing it.
    """

    spool_max_size = 1 << 40
    _has_ended = False

    def on_end(self) -> None:
        """The closing boundary was there."""
        self._has_ended = True

    async def parse(self) -> FormData:
        """Take the whole body apart; an error raised by the stream makes it close every file."""
        self.stream = self._to_the_closing_boundary(self.stream)
        return await super().parse()

    async def _to_the_closing_boundary(
        self, stream: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self._has_ended:
            raise MultiPartException("it ends before its closing boundary")


def _form_headers(request: Request) -> Headers:
    # A form's charset has no meaning (RFC 7578), but the parser would read file names with it, and
    # some of Python's codecs raise or make text that no JSON can hold.
    message = Message()
    message["Content-Type"] = request.headers["content-type"]
    message.del_param("charset")
    return Headers({"Content-Type": message["Content-Type"]})


async def read_files(
    request: Request,
    limit_bytes: int,
    patience: BodyPatience,
    max_files: int,
    counter: Counter | None = None,
) -> list[NamedFile]:
    """Read the files of a multipart body, in order.

    Raises:
        PayloadTooLarge: the whole body has more bytes than the limit.
        BodyTimeout: a pause in it, or the whole of it, was longer than allowed.
        Overloaded: the counter has no room for it.
        TooManyFiles: more files than one request may bring.
        MalformedMultipart: it cannot be parsed, or holds no file.
    """
    parser = _InMemoryParser(
        _form_headers(request),
        counted(request, limit_bytes, patience, counter),
        max_files=max_files + 1,  # one more, to tell "too many" from "malformed" by counting
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as exc:
        _check_file_count(parser.items, max_files)
        raise MalformedMultipart(f"the multipart body cannot be read: {exc.message}") from exc
    try:
        _check_file_count(parser.items, max_files)
        parts = [part for _, part in parser.items if isinstance(part, UploadFile)]
        files = [NamedFile(part.filename or "", await part.read()) for part in parts]
    finally:
        await form.close()
    if not files:
        raise MalformedMultipart("the multipart body holds no file")
    return files


def _check_file_count(items: Sequence[tuple[str, str | UploadFile]], max_files: int) -> None:
    if sum(isinstance(item, UploadFile) for _, item in items) > max_files:
        raise TooManyFiles(f"at most {max_files} files are taken in one request")
