"""The files of a TAR as items. What its members are called leads nowhere: nothing is unpacked."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from typing import IO, Final

from gateway.jobs.intake.item_names import is_hidden, item_name
from gateway.jobs.intake.tar_blocks import BLOCK, Stream, TarBlocks, TarHeader, pax_records
from gateway.jobs.intake.unpack_limits import Unpacked, UnpackLimits
from gateway.jobs.job_errors import MalformedArchive
from gateway.jobs.payload import JobItem

_FILES: Final = frozenset({b"0", b"\0", b"7"})
# Links, devices, folders: whatever size they say, no content follows.
_WITHOUT_CONTENT: Final = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_LONG_NAME, _SPARSE = b"L", b"S"
# "X" is what Solaris wrote before POSIX.
_EXTENDED: Final = frozenset({b"x", b"X"})
_HOLES: Final = "GNU.sparse."


def tar_items(stream: Stream, limits: UnpackLimits) -> Iterator[JobItem]:
    """Read the files of a TAR, in their order.

    Args:
        stream: Its bytes.
        limits: Of this archive; every byte counts, also what is skipped.

    Raises:
        MalformedArchive: it cannot be read to its end, or unpacks to too much.
    """
    unpacked = Unpacked(limits)
    blocks = TarBlocks(stream, unpacked)
    notes: dict[str, str] = {}
    while header := blocks.header():
        unpacked.member()
        if header.kind in _EXTENDED:
            notes |= _of_interest(pax_records(blocks.note(header.size_bytes)))
        elif header.kind == _LONG_NAME:
            notes["path"] = blocks.note(header.size_bytes).rstrip(b"\0").decode(errors="replace")
        else:
            item = _item(blocks, header, notes, limits.max_item_bytes)
            # What stands before them all, or is the name of a link, says nothing of a file.
            if header.kind not in {b"g", b"K"}:
                notes = {}
            if item:
                yield item
    blocks.drain()


def tar_gz_items(file: IO[bytes], limits: UnpackLimits) -> Iterator[JobItem]:
    """The same of one that is compressed by gzip.

    Raises:
        MalformedArchive: it cannot be read to its end, or unpacks to too much.
    """
    with gzip.GzipFile(fileobj=file) as stream:
        yield from tar_items(stream, limits)


def _item(
    blocks: TarBlocks, header: TarHeader, notes: Mapping[str, str], most: int
) -> JobItem | None:
    if header.kind in _WITHOUT_CONTENT:
        return None
    if header.kind == _SPARSE:
        _skip_map(blocks, header)
    name, size_bytes = notes.get("path", header.name), _size(header, notes)
    if header.kind not in _FILES or _is_left_out(name, notes):
        blocks.skip(size_bytes)
        return None
    if size_bytes > most:
        blocks.skip(size_bytes)
        return JobItem(item_name(name), b"", size_bytes)
    return JobItem(item_name(name), blocks.content(size_bytes))


def _skip_map(blocks: TarBlocks, header: TarHeader) -> None:
    has_more = header.has_more_map
    while has_more:
        has_more = bool(blocks.read(BLOCK)[504])


def _of_interest(records: Mapping[str, str]) -> dict[str, str]:
    """Little, however much is said."""
    noted = {keyword: records[keyword] for keyword in ("path", "size") if keyword in records}
    if any(keyword.startswith(_HOLES) for keyword in records):
        noted[_HOLES] = ""
    return noted


def _is_left_out(name: str, notes: Mapping[str, str]) -> bool:
    """A folder as old archives have it, a file with holes, or one that systems add."""
    return name.endswith("/") or _HOLES in notes or is_hidden(name)


def _size(header: TarHeader, notes: Mapping[str, str]) -> int:
    said = notes.get("size")
    if said is None:
        return header.size_bytes
    if not (said.isascii() and said.isdecimal() and len(said) <= len(str(2**64))):
        raise MalformedArchive("an extended header of the TAR cannot be read")
    return int(said)
