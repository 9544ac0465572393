"""What stands in the blocks of a TAR before the content of a member.

Python's tarfile remembers every member, reads headers as long as they say they are, and takes a
file that was cut off between two members for a whole one.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from gzip import BadGzipFile
from typing import Final, Protocol

from gateway.jobs.intake.unpack_limits import Unpacked
from gateway.jobs.job_errors import MalformedArchive

BLOCK: Final = 512
END: Final = bytes(BLOCK)
_PIECE_BYTES: Final = 1024 * 1024
# Access lists and other attributes of a file may be in it; nobody needs more.
_MOST_HEADER_BYTES: Final = 1024 * 1024
# A file has ten of them, with its attributes some dozens. A megabyte of the shortest is 200,000,
# and deflates to a thousandth: 300 KB of such headers took 25 seconds to read.
_MOST_RECORDS: Final = 1000
_CHECKSUM: Final = slice(148, 156)
_OCTAL: Final = frozenset(b"01234567")
_IS_BINARY: Final = 0x80
_DIGITS: Final = 20


class Stream(Protocol):
    """Bytes one after the other."""

    def read(self, size: int, /) -> bytes:
        """At most so many; none at the end."""


@dataclass(frozen=True)
class TarHeader:
    """What one block says of what follows it."""

    name: str
    kind: bytes
    size_bytes: int
    has_more_map: bool
    """Of a sparse file: whether a block follows that says more of where its parts lie."""


class TarBlocks:
    """Reads a TAR from its beginning to its end, and counts.

    Args:
        stream: Its bytes, or those of a decompressor.
        unpacked: Is told of every byte, those that are skipped too.
    """

    def __init__(self, stream: Stream, unpacked: Unpacked) -> None:
        self._stream = stream
        self._unpacked = unpacked

    def header(self) -> TarHeader | None:
        """The next one; None at the archive's end.

        Raises:
            MalformedArchive: there is neither.
        """
        block = self.read(BLOCK)
        if block == END:
            return None
        told = sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")
        if _number(block[_CHECKSUM]) != told:
            raise MalformedArchive("this is no TAR, or it is damaged: a checksum is wrong")
        # POSIX has the first part of a long path there; GNU, which pads its word with spaces, not.
        prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
        name = _text(block[:100])
        kind = block[156:157]
        return TarHeader(
            name=f"{prefix}/{name}" if prefix else name,
            kind=kind,
            size_bytes=_number(block[124:136]),
            has_more_map=kind == b"S" and bool(block[482]),
        )

    def content(self, size_bytes: int) -> bytes:
        """So many bytes, and behind them what fills the last block.

        Raises:
            MalformedArchive: they are not there.
        """
        content = self.read(size_bytes)
        self.read(-size_bytes % BLOCK)
        return content

    def note(self, size_bytes: int) -> bytes:
        """Content that says something of the next member.

        Raises:
            MalformedArchive: it is not there, or far too long.
        """
        if size_bytes > _MOST_HEADER_BYTES:
            raise MalformedArchive(f"a header of the TAR has {size_bytes} bytes")
        return self.content(size_bytes)

    def skip(self, size_bytes: int) -> None:
        """Leave so many bytes out, and what fills the last block.

        Raises:
            MalformedArchive: they are not there.
        """
        left = size_bytes + -size_bytes % BLOCK
        while left:
            left -= len(self.read(min(_PIECE_BYTES, left)))

    def drain(self) -> None:
        """Go to the end of the stream, where a decompressor holds its checksum against it.

        Raises:
            MalformedArchive: it is damaged.
        """
        while self._some(_PIECE_BYTES):
            pass

    def read(self, size_bytes: int) -> bytes:
        """Exactly so many.

        Raises:
            MalformedArchive: they are not there.
        """
        read = bytearray()
        while len(read) < size_bytes:
            piece = self._some(min(_PIECE_BYTES, size_bytes - len(read)))
            if not piece:
                raise MalformedArchive("the TAR ends before its end; was it cut off?")
            read += piece
        return bytes(read)

    def _some(self, most: int) -> bytes:
        try:
            piece = self._stream.read(most)
        except (EOFError, BadGzipFile, zlib.error) as exc:
            raise MalformedArchive(f"this is no GZIP, or it is damaged: {exc}") from exc
        self._unpacked.count(len(piece))
        return piece


def pax_records(note: bytes) -> Mapping[str, str]:
    """Read "LENGTH KEYWORD=VALUE" lines, as POSIX has them in pax headers.

    Raises:
        MalformedArchive: they are none, or far too many.
    """
    records: dict[str, str] = {}
    at = 0
    for _ in range(_MOST_RECORDS):
        if at >= len(note):
            return records
        digits, _, _ = note[at : at + _DIGITS].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        line = note[at : at + length]
        keyword, sign, value = line[len(digits) + 1 :].partition(b"=")
        if not sign or not line.endswith(b"\n") or len(line) != length:
            raise MalformedArchive("an extended header of the TAR cannot be read")
        records[keyword.decode(errors="replace")] = value[:-1].decode(errors="replace")
        at += length
    raise MalformedArchive(f"an extended header of the TAR has {_MOST_RECORDS} records or more")


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _number(field: bytes) -> int:
    """As digits to the base of eight, or for large ones to that of 256."""
    if field[0] == _IS_BINARY:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if not _OCTAL.issuperset(digits):
        raise MalformedArchive("this is no TAR, or it is damaged: a number is none")
    return int(digits or b"0", 8)
