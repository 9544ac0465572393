"""Archives to test with, good ones and others."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from typing import IO, Any, Final

from gateway.jobs.intake.unpack_limits import UnpackLimits

FILES: Final = {"seven.png": b"seven", "a/eight.png": b"eight" * 1000, "a/none": b""}
LIMITS: Final = UnpackLimits(max_members=1000, max_bytes=10**6, max_item_bytes=100_000)


class Counting(io.BytesIO):
    """Counts what is read of it."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As ever."""
        piece = super().read(size)
        self.read_bytes += len(piece)
        return piece


def a_zip(files: Mapping[str, bytes] = FILES, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """As Python makes it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def a_tar(files: Mapping[str, bytes] = FILES, mode: str = "w", **settings: Any) -> bytes:
    """As Python makes it."""
    made = io.BytesIO()
    how: dict[str, Any] = {"fileobj": made, "mode": mode, **settings}
    with tarfile.open(**how) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def a_tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Of members that are said in full."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content) if content else None)
    return made.getvalue()


def a_block(name: str, kind: bytes, size: bytes = b"0" * 11) -> bytes:
    """A header with a good checksum, whatever else it says."""
    block = bytearray(512)
    block[: len(name)] = name.encode()
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def with_flags(archive: bytes, flags: int) -> bytes:
    """Say other flags of every member, in both places."""
    changed = bytearray(archive)
    for signature, offset in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)]:
        at = archive.find(signature)
        while at >= 0:
            struct.pack_into("<H", changed, at + offset, flags)
            at = archive.find(signature, at + 1)
    return bytes(changed)


def opened(archive: bytes) -> IO[bytes]:
    """As it is given to those who read it."""
    return io.BytesIO(archive)
