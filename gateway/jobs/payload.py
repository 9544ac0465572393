"""The items of a chunk as they lie in the storage.

A line of JSON tells their names and sizes, and behind it are their bytes; or, for items that lie
elsewhere, there is the line alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# One that nobody can see is read; one that is larger goes alone. A chunk is held in memory a few
# times over while it is worked on.
CHUNK_ITEMS: Final = 256
CHUNK_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class JobItem:
    """One image or text."""

    name: str
    """What its owner calls it: a file name, a path in an archive, an id; may be empty."""
    content: bytes
    omitted_bytes: int = 0
    """Its size where it has more bytes than are taken, and none of them were kept."""


@dataclass(frozen=True, slots=True)
class ItemReference:
    """An item that lies in a source."""

    path: str
    """In the source."""
    size_bytes: int


@dataclass(frozen=True)
class ReferencedItems:
    """Items of a chunk that are to be read where they lie."""

    source: str
    items: tuple[ItemReference, ...]


class DamagedPayload(Exception):
    """What lies in the storage is not what was put there."""


def pack_items(items: Sequence[JobItem]) -> bytes:
    """Write items; `unpack` reads them."""
    sizes = [[item.name, len(item.content), item.omitted_bytes] for item in items]
    return b"".join((_header({"items": sizes}), *(item.content for item in items)))


def pack_references(referenced: ReferencedItems) -> bytes:
    """Write references; `unpack` reads them."""
    paths = [[it.path, it.size_bytes] for it in referenced.items]
    return _header({"source": referenced.source, "references": paths})


def _header(told: dict[str, object]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def unpack(payload: bytes) -> Sequence[JobItem] | ReferencedItems:
    """Read what was packed.

    Raises:
        DamagedPayload: it was cut short, or is something else.
    """
    header, _, contents = payload.partition(b"\n")
    try:
        match json.loads(header):
            case {"items": sizes}:
                return list(_cut(memoryview(contents), sizes))
            case {"source": str(source), "references": paths}:
                return ReferencedItems(source, tuple(ItemReference(*it) for it in paths))
    except (ValueError, TypeError) as exc:
        raise DamagedPayload("the chunk's first line makes no sense") from exc
    raise DamagedPayload("the chunk's first line makes no sense")


def _cut(contents: memoryview, sizes: Sequence[tuple[str, int, int]]) -> Iterator[JobItem]:
    begin = 0
    for name, size_bytes, omitted_bytes in sizes:
        end = begin + size_bytes
        yield JobItem(name, bytes(contents[begin:end]), omitted_bytes)
        begin = end
    if begin != len(contents):
        raise DamagedPayload(f"the chunk has {len(contents)} bytes where {begin} were put")
