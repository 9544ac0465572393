"""A multipart body taken apart as it comes: one file of it is in memory at a time.

`gateway/data_plane/form_files.py` has all files of a form at once, which are few there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.errors import MalformedMultipart
from gateway.jobs.intake.item_names import item_name
from gateway.jobs.payload import JobItem

_DISPOSITION: Final = b"content-disposition"


class FormParts:
    """Gives the files of one form, in their order; its other fields are ignored.

    Args:
        content_type: The header, which holds the boundary.
        max_item_bytes: What is larger keeps its place, and nothing of it is kept.

    Raises:
        MalformedMultipart: there is no boundary that can be used.
    """

    def __init__(self, content_type: str, max_item_bytes: int) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise MalformedMultipart("the Content-Type says no boundary")
        self._most = max_item_bytes
        self._has_ended = False
        self._files = 0
        self._header = b""
        self._said = b""
        self._disposition = b""
        self._filename: str | None = None
        self._content = bytearray()
        self._size_bytes = 0
        self._complete: list[JobItem] = []
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._header_goes_on,
                    "on_header_value": self._value_goes_on,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_are_here,
                    "on_part_data": self._part_goes_on,
                    "on_part_end": self._part_ends,
                    "on_end": self._form_ends,
                },
            )
        except FormParserError as exc:
            raise _malformed(exc) from exc

    def take(self, piece: bytes) -> Sequence[JobItem]:
        """Go on with the body.

        Returns:
            The files that have ended in it.

        Raises:
            MalformedMultipart: it is no form.
        """
        try:
            self._parser.write(piece)
        except FormParserError as exc:
            raise _malformed(exc) from exc
        complete, self._complete = self._complete, []
        return complete

    def end(self) -> None:
        """The body has ended.

        Raises:
            MalformedMultipart: the form has not, or had no file.
        """
        if not self._has_ended:
            raise MalformedMultipart("the multipart body ends before its closing boundary")
        if not self._files:
            raise MalformedMultipart("the multipart body holds no file")

    def _part_begins(self) -> None:
        self._header = self._said = self._disposition = b""
        self._filename, self._content, self._size_bytes = None, bytearray(), 0

    def _header_goes_on(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _value_goes_on(self, data: bytes, start: int, end: int) -> None:
        self._said += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == _DISPOSITION:
            self._disposition = self._said
        self._header = self._said = b""

    def _headers_are_here(self) -> None:
        options = parse_options_header(self._disposition)[1]
        if b"name" not in options:
            raise MalformedMultipart("a part of the multipart body has no name")
        if b"filename" in options:
            # A form's charset has no meaning (RFC 7578): names are UTF-8.
            self._filename = options[b"filename"].decode(errors="replace")

    def _part_goes_on(self, data: bytes, start: int, end: int) -> None:
        self._size_bytes += end - start
        if self._size_bytes > self._most:
            self._content = bytearray()
        elif self._filename is not None:
            self._content += data[start:end]

    def _part_ends(self) -> None:
        if self._filename is None:
            return
        self._files += 1
        name = item_name(self._filename)
        if self._size_bytes > self._most:
            self._complete.append(JobItem(name, b"", self._size_bytes))
        else:
            self._complete.append(JobItem(name, bytes(self._content)))
        self._content = bytearray()

    def _form_ends(self) -> None:
        self._has_ended = True


def _malformed(exc: FormParserError) -> MalformedMultipart:
    return MalformedMultipart(f"the multipart body cannot be read: {exc}")
