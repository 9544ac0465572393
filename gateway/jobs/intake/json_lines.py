"""Texts that come one to a line: a JSON string, or {"text": "...", "id": "..."}."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from gateway.data_plane.json_structure import structure_trouble
from gateway.jobs.intake.item_names import item_name
from gateway.jobs.job_errors import MalformedJsonLines
from gateway.jobs.payload import JobItem

_FORMS: Final = '{"text": "..."}, {"text": "...", "id": "..."} or a JSON string'
# More than any pipeline reads, and no more than the event loop may be held up by: 5 ms.
MAX_LINE_BYTES: Final = 1024 * 1024
_MAX_DEPTH: Final = 8
_MAX_PARTS: Final = 64


class JsonLines:
    """Gives the texts of one body, in their order; lines with nothing in them are left out."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._number = 0

    def take(self, piece: bytes) -> Iterator[JobItem]:
        """Go on with the body.

        Raises:
            MalformedJsonLines: a line is no JSON, or none that holds a text.
        """
        # A line that comes in many small pieces is not looked through again with each.
        if b"\n" not in piece:
            self._go_on(piece)
            return
        first, *others = piece.split(b"\n")
        self._go_on(first)
        for other in others:
            yield from self._line()
            self._go_on(other)

    def end(self) -> Iterator[JobItem]:
        """The body has ended, and with it its last line.

        Raises:
            MalformedJsonLines: that is no JSON, or holds no text.
        """
        yield from self._line()

    def _go_on(self, part: bytes) -> None:
        self._rest += part
        if len(self._rest) > MAX_LINE_BYTES:
            raise self._bad(self._number + 1, f"it has more than {MAX_LINE_BYTES} bytes")

    def _line(self) -> Iterator[JobItem]:
        line, self._rest = bytes(self._rest), bytearray()
        self._number += 1
        if line.strip():
            yield self._item(line)

    def _item(self, line: bytes) -> JobItem:
        trouble = structure_trouble(line, max_depth=_MAX_DEPTH, max_parts=_MAX_PARTS)
        if trouble:
            raise self._bad(self._number, trouble)
        try:
            # A byte order mark at the very beginning does no harm.
            loaded = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError) as exc:
            raise self._bad(self._number, f"it is not JSON in UTF-8: {exc}") from exc
        name, text = self._read(loaded)
        try:
            return JobItem(item_name(name), text.encode() if text.strip() else b"")
        except UnicodeEncodeError as exc:
            raise self._bad(self._number, "half a surrogate pair is no character") from exc

    def _read(self, loaded: object) -> tuple[str, str]:
        match loaded:
            case str(text):
                return "", text
            case {"text": str(text), **rest} if not rest:
                return "", text
            case {"text": str(), "id": bool()}:
                pass
            case {"text": str(text), "id": str() | int() as name, **rest} if not rest:
                return str(name), text
        raise self._bad(self._number, f"it holds no text; write {_FORMS}")

    def _bad(self, number: int, why: str) -> MalformedJsonLines:
        return MalformedJsonLines(f"line {number}: {why}")
