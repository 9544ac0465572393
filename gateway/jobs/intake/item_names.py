"""What a client, or an archive, calls an item: a label to show, and never a path."""

from __future__ import annotations

import re
from typing import Final

_MOST_CHARACTERS: Final = 512
# What moves a cursor, ends a line, turns text around or is no character at all.
_ODD: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def item_name(said: str) -> str:
    """Make a name that can be shown anywhere; of a long one the end, where the file's name is."""
    shown = _ODD.sub("\ufffd", said)
    return shown if len(shown) <= _MOST_CHARACTERS else "…" + shown[1 - _MOST_CHARACTERS :]


def is_hidden(path: str) -> bool:
    """Whether it is one of the files that systems add by themselves; sources leave them out, too.

    Among them what macOS puts beside every file of an archive, `__MACOSX/._seven.png`.
    """
    return path.replace("\\", "/").rpartition("/")[2].startswith(".")
