"""A TAR of files, made while it is sent: no temporary file, and never a whole one in memory."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

# Enough that neither a write nor a chunk of HTTP is felt, and small beside a picture of a camera.
_PIECE_BYTES: Final = 256 * 1024
_BLOCK_BYTES: Final = tarfile.BLOCKSIZE
_END: Final = bytes(2 * _BLOCK_BYTES)
_SHORT_NAME: Final = 100  # characters of a name that a plain header holds

Content = Path | bytes


@dataclass(frozen=True, slots=True)
class TarMember:
    """One file of a TAR."""

    name: str
    """As the receiver is told."""
    content: Content
    size_bytes: int


def take_any(path: PurePosixPath) -> bool:
    """Every file of a folder, but for what is hidden."""
    return not any(part.startswith(".") for part in path.parts)


def files_of(
    folder: Path,
    is_wanted: Callable[[PurePosixPath], bool] = take_any,
    *,
    is_recursive: bool = True,
) -> list[TarMember]:
    """Find the files of a folder, in the order of their names.

    Links to files are followed, links to folders are not.

    Args:
        folder: Where to look.
        is_wanted: Is given each path below the folder.
        is_recursive: Whether to look into the folders below, too.

    Raises:
        OSError: the folder, one below it, or a file cannot be looked at.
    """
    found = []
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        below = Path(place).relative_to(folder)
        for name in names:
            path = PurePosixPath((below / name).as_posix())
            file = Path(place, name)
            if is_wanted(path) and file.is_file():
                found.append(TarMember(str(path), file, file.stat().st_size))
        if not is_recursive:
            break
    return sorted(found, key=lambda member: PurePosixPath(member.name).parts)


def _raise(error: OSError) -> None:
    raise error


def member_of(given: Path | str | tuple[str, Content]) -> TarMember:
    """Make a member of a path, which is its name then, or of a name with a path or bytes.

    Raises:
        OSError: there is no such file.
    """
    name, content = given if isinstance(given, tuple) else (Path(given).as_posix(), Path(given))
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    return TarMember(name, content, size)


def tar_bytes(members: Iterable[TarMember]) -> int:
    """Say how many bytes `write_tar` will give."""
    return len(_END) + sum(_header_bytes(it) + _padded(it.size_bytes) for it in members)


def write_tar(members: Iterable[TarMember]) -> Iterator[bytes]:
    """Give a TAR piece by piece; one that grew meanwhile is cut at the size that was noted.

    Raises:
        OSError: a file cannot be read, or has become shorter.
    """
    return in_pieces(_parts(members))


def in_pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Join small parts, so that each is worth sending."""
    piece = bytearray()
    for part in parts:
        piece += part
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def read_file(path: Path, size_bytes: int) -> Iterator[bytes]:
    """Give so many bytes of a file.

    Raises:
        OSError: it cannot be read, or has fewer.
    """
    left = size_bytes
    with path.open("rb") as file:
        while left:
            part = file.read(min(left, _PIECE_BYTES))
            if not part:
                raise OSError(f"{path} has become shorter while it was sent")
            yield part
            left -= len(part)


def _parts(members: Iterable[TarMember]) -> Iterator[bytes]:
    for member in members:
        yield _header(member)
        if isinstance(member.content, bytes):
            yield member.content
        else:
            yield from read_file(member.content, member.size_bytes)
        yield bytes(_padded(member.size_bytes) - member.size_bytes)
    yield _END


def _header(member: TarMember) -> bytes:
    told = tarfile.TarInfo(member.name)
    told.size = member.size_bytes
    # PAX: names of any length in UTF-8; those that are none come through as the bytes they are.
    return told.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _header_bytes(member: TarMember) -> int:
    is_plain = len(member.name) <= _SHORT_NAME and member.name.isascii()
    # Beyond 8 GiB a size does not fit into a plain header either.
    if is_plain and member.size_bytes < 8**11:
        return _BLOCK_BYTES
    return len(_header(member))


def _padded(size_bytes: int) -> int:
    return -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES
