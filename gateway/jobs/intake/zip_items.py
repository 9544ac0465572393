"""The files of a ZIP as items. What its members are called leads nowhere: nothing is unpacked."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import IO, Final

from gateway.jobs.intake.item_names import is_hidden, item_name
from gateway.jobs.intake.unpack_limits import Unpacked, UnpackLimits
from gateway.jobs.intake.zip_directory import ZipMember, zip_members
from gateway.jobs.job_errors import MalformedArchive
from gateway.jobs.payload import JobItem

_HEADER: Final = struct.Struct("<4s5H3L2H")
_PIECE_BYTES: Final = 64 * 1024
_IS_ENCRYPTED: Final = 1
_STORED, _DEFLATED = 0, 8
_RAW_DEFLATE: Final = -15


def zip_items(file: IO[bytes], limits: UnpackLimits) -> Iterator[JobItem]:
    """Read the files of a ZIP, in its directory's order.

    Args:
        file: Can be moved about in.
        limits: Of this archive.

    Raises:
        MalformedArchive: it cannot be read to its end, or unpacks to too much.
    """
    unpacked = Unpacked(limits)
    for member in zip_members(file):
        unpacked.member()
        if member.is_file and not is_hidden(member.name):
            yield _item(file, member, unpacked, limits.max_item_bytes)


def _item(file: IO[bytes], member: ZipMember, unpacked: Unpacked, most: int) -> JobItem:
    # What is encrypted, or packed in a way of its own, is an item as it lies: no picture and no
    # text, and refused as such, alone.
    is_read = member.method in {_STORED, _DEFLATED} and not member.flags & _IS_ENCRYPTED
    size_bytes = member.size_bytes if is_read else member.packed_bytes
    name = item_name(member.name)
    if size_bytes > most:
        return JobItem(name, b"", size_bytes)
    unpacked.count(size_bytes)
    _go_to_content(file, member)
    if is_read and member.method == _DEFLATED:
        content = _inflated(file, member)
    else:
        content = file.read(size_bytes)
    if is_read and (len(content) != size_bytes or zlib.crc32(content) != member.crc):
        raise _damaged(member)
    return JobItem(name, content)


def _go_to_content(file: IO[bytes], member: ZipMember) -> None:
    file.seek(member.at)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise _damaged(member)
    *_, names, extras = _HEADER.unpack(header)
    file.seek(member.at + _HEADER.size + names + extras)


def _inflated(file: IO[bytes], member: ZipMember) -> bytes:
    """What the member unpacks to; one byte more than it says at most."""
    inflate = zlib.decompressobj(_RAW_DEFLATE)
    content, left = bytearray(), member.packed_bytes
    try:
        while left and not inflate.eof and len(content) <= member.size_bytes:
            piece = file.read(min(_PIECE_BYTES, left))
            if not piece:
                break
            left -= len(piece)
            content += inflate.decompress(piece, member.size_bytes - len(content) + 1)
    except zlib.error as exc:
        raise _damaged(member) from exc
    return bytes(content)


def _damaged(member: ZipMember) -> MalformedArchive:
    return MalformedArchive(f"the member {item_name(member.name)!r} is damaged")
