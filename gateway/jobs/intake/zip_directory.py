"""Where the members of a ZIP lie, told one by one.

Python's zipfile makes an object of every member before the first can be read: a gigabyte for a
million of them, and for some archives that are all directory more than there is.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from gateway.jobs.job_errors import MalformedArchive

# The names are those of the format's description, APPNOTE.TXT 6.3, 4.3.12 to 4.3.16.
_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_MEMBER: Final = struct.Struct("<4s6H3L5H2L")
_MOST_COMMENT: Final = 0xFFFF
_PIECE_BYTES: Final = 256 * 1024
# Name, extra field and comment have 16 bits for their lengths.
_MOST_OF_ONE: Final = _MEMBER.size + 3 * 0xFFFF
_IN_EXTRA: Final = 0xFFFFFFFF
_ZIP_64: Final = 1
_IS_UTF8: Final = 0x800
_UNIX: Final = 3
_DOS_FOLDER: Final = 0x10
_NO_ZIP: Final = "this is no ZIP, or it was cut off: its directory is not at its end"


@dataclass(frozen=True)
class ZipMember:
    """What the directory says of one member."""

    name: str
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    at: int
    """Of its local header in the file."""
    is_file: bool
    """No folder, link or device."""


@dataclass(frozen=True)
class _Directory:
    begin: int
    end: int
    shift: int
    """What somebody put before the archive moves all that it says."""


def zip_members(file: IO[bytes]) -> Iterator[ZipMember]:
    """Read the directory piece by piece; others may move the file meanwhile.

    Raises:
        MalformedArchive: there is none, or it cannot be read.
    """
    directory = _find(file)
    known, at, position = b"", 0, directory.begin
    while at < len(known) or position < directory.end:
        if len(known) - at < _MOST_OF_ONE and position < directory.end:
            file.seek(position)
            piece = file.read(min(_PIECE_BYTES, directory.end - position))
            if not piece:
                raise MalformedArchive(_NO_ZIP)
            known, at, position = known[at:] + piece, 0, position + len(piece)
        member, length = _member(known, at, directory)
        at += length
        yield member


def _find(file: IO[bytes]) -> _Directory:
    size = file.seek(0, os.SEEK_END)
    begin = file.seek(max(0, size - _MOST_COMMENT - _END.size - _LOCATOR_64.size - _END_64.size))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END.size:
        raise MalformedArchive(_NO_ZIP)
    _, disk, first_disk, _, _, length, offset, _ = _END.unpack_from(tail, place)
    place_64 = place - _LOCATOR_64.size - _END_64.size
    if place_64 >= 0 and tail.startswith(b"PK\x06\x07", place - _LOCATOR_64.size):
        signature, *_, disk, first_disk, _, _, length, offset = _END_64.unpack_from(tail, place_64)
        if signature != b"PK\x06\x06":
            raise MalformedArchive(_NO_ZIP)
        place = place_64
    if disk or first_disk:
        raise MalformedArchive("this is one part of a ZIP in several files")
    shift = begin + place - length - offset
    if shift < 0:
        raise MalformedArchive(_NO_ZIP)
    return _Directory(offset + shift, offset + shift + length, shift)


def _member(known: bytes, at: int, directory: _Directory) -> tuple[ZipMember, int]:
    """The one that begins there, and how many bytes tell of it."""
    if len(known) - at < _MEMBER.size or not known.startswith(b"PK\x01\x02", at):
        raise _unreadable()
    fields = _MEMBER.unpack_from(known, at)
    _, made_by, _, flags, method, _, _, crc, packed, size, names, extras, comments = fields[:13]
    attributes, place = fields[15:]
    length = _MEMBER.size + names + extras + comments
    behind = at + _MEMBER.size
    name, extra = known[behind : behind + names], known[behind + names : behind + names + extras]
    size, packed, place = _long_values(extra, size, packed, place)
    if at + length > len(known) or place + directory.shift >= directory.begin:
        raise _unreadable()
    member = ZipMember(
        name=_decoded(name, flags),
        flags=flags,
        method=method,
        crc=crc,
        packed_bytes=packed,
        size_bytes=size,
        at=place + directory.shift,
        is_file=_is_file(name, made_by >> 8, attributes),
    )
    return member, length


def _unreadable() -> MalformedArchive:
    return MalformedArchive("the directory of the ZIP cannot be read")


def _long_values(extra: bytes, *values: int) -> tuple[int, ...]:
    """Size, packed size and place, from the extra field where they need more than 32 bits."""
    if _IN_EXTRA not in values:
        return values
    while len(extra) >= struct.calcsize("<2H"):
        kind, length = struct.unpack_from("<2H", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _ZIP_64:
            told = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            return tuple(next(told, v) if v == _IN_EXTRA else v for v in values)
    return values


def _decoded(name: bytes, flags: int) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("utf-8" if flags & _IS_UTF8 else "cp437", "replace")


def _is_file(name: bytes, system: int, attributes: int) -> bool:
    kind = stat.S_IFMT(attributes >> 16) if system == _UNIX else 0
    is_folder = name.endswith(b"/") or bool(attributes & _DOS_FOLDER)
    return not is_folder and kind in {0, stat.S_IFREG}
