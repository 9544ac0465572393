"""What a job is made of, as a body that is sent piece by piece, and once more where it must."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, TypedDict

from triptych.client.folder_tar import (
    Content,
    TarMember,
    files_of,
    in_pieces,
    member_of,
    read_file,
    take_any,
    tar_bytes,
    write_tar,
)

Text = str | tuple[str, str]
"""A text, or an id of the caller's and a text."""
File = Path | str | tuple[str, Content]
"""A path, or a name and a path or the bytes."""
OnSent = Callable[[int, int | None], None]
"""Is told how many bytes were handed over, and how many there are, where that is known."""

_JSON_LINES: Final = "application/x-ndjson"
_TAR: Final = "application/x-tar"
_ARCHIVES: Final = {
    ".zip": "application/zip",
    ".tar": _TAR,
    ".tar.gz": "application/gzip",
    ".tgz": "application/gzip",
    ".jsonl": _JSON_LINES,
    ".ndjson": _JSON_LINES,
}
ARCHIVE_SUFFIXES: Final = tuple(_ARCHIVES)
JSON_LINES_SUFFIXES: Final = tuple(it for it, kind in _ARCHIVES.items() if kind == _JSON_LINES)


@dataclass(frozen=True, slots=True)
class JobItems:
    """A body."""

    content_type: str
    begin: Callable[[], Iterator[bytes]]
    """Gives its pieces, from the first one on."""
    size_bytes: int | None = None
    """None where nobody knows before it is sent."""
    is_repeatable: bool = True
    """Whether it can be sent once more."""

    def watched(self, on_sent: OnSent | None) -> Iterator[bytes]:
        """Its pieces, and somebody told of each."""
        sent = 0
        for piece in self.begin():
            yield piece
            sent += len(piece)
            if on_sent:
                on_sent(sent, self.size_bytes)


class GivenItems(TypedDict, total=False):
    """The arguments of `submit` that hold items: one of the first five."""

    folder: Path | str
    """Whose files are sent, those of folders below too, hidden ones not."""
    files: Iterable[File]
    """Paths; or a name, and a path or the bytes, for each."""
    texts: Iterable[Text]
    """Texts, or an id and a text for each; they may be made while they are sent."""
    archive: Path | str
    """A file: .zip, .tar, .tar.gz, .tgz, or .jsonl and .ndjson, which are JSON lines of texts."""
    source: str
    """What the operator has allowed under this name."""
    pattern: str
    """With `folder`: which files, "*.png" or "2026/*.png"."""
    prefix: str
    """With `source`: only what is below it."""


_WHERE: Final = frozenset({"folder", "files", "texts", "archive", "source"})


def body_of(given: GivenItems) -> JobItems:
    """Say how items are sent.

    Raises:
        ValueError: not one of the five is given, or there is no file in it.
        OSError: the folder or a file cannot be looked at.
    """
    if len(_WHERE & given.keys()) != 1:
        raise ValueError("give one of: folder, files, texts, archive, source")
    match given:
        case {"folder": folder}:
            return _folder_items(Path(folder), given.get("pattern", "*"))
        case {"files": files}:
            return tar_items([member_of(file) for file in files])
        case {"texts": texts}:
            return _text_items(texts)
        case {"archive": archive}:
            return _archive_items(Path(archive))
    return _source_items(given["source"], given.get("prefix", ""))


def tar_items(members: Sequence[TarMember]) -> JobItems:
    """Files as a TAR.

    Raises:
        ValueError: there are none.
    """
    if not members:
        raise ValueError("there is no file to be sent")
    return JobItems(_TAR, partial(write_tar, members), tar_bytes(members))


def _folder_items(folder: Path, pattern: str) -> JobItems:
    def is_wanted(path: PurePosixPath) -> bool:
        return take_any(path) and path.match(pattern)

    return tar_items(files_of(folder, is_wanted))


def _text_items(texts: Iterable[Text]) -> JobItems:
    # What can be gone through once only is its own iterator.
    is_repeatable = iter(texts) is not texts
    return JobItems(_JSON_LINES, lambda: in_pieces(map(_line, texts)), is_repeatable=is_repeatable)


def _line(text: Text) -> bytes:
    told = text if isinstance(text, str) else {"id": text[0], "text": text[1]}
    # In ASCII: half a surrogate pair is the gateway's to refuse.
    return json.dumps(told).encode("ascii") + b"\n"


def _archive_items(path: Path) -> JobItems:
    name = path.name.lower()
    kinds = [kind for suffix, kind in _ARCHIVES.items() if name.endswith(suffix)]
    if not kinds:
        raise ValueError(f"{path} is none of {', '.join(ARCHIVE_SUFFIXES)}")
    size = path.stat().st_size
    return JobItems(kinds[0], lambda: read_file(path, size), size)


def _source_items(source: str, prefix: str) -> JobItems:
    body = json.dumps({"source": source, "prefix": prefix}).encode("ascii")
    return JobItems("application/json", lambda: iter((body,)), len(body))


async def pieces_in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read files without holding up the event loop."""
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece
