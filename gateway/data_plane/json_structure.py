"""How much there is in a JSON text, before it is parsed: nothing else runs while it is."""

from __future__ import annotations

import re
from typing import Final

# With so few brackets and commas, those inside strings included, no closer look is needed.
_HARMLESS: Final = 64
# A whole string, also one without an end, is one token: possessive, so that nothing is read twice.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{},]', re.DOTALL)
_OPENING, _CLOSING, _COMMA = frozenset(b"[{"), frozenset(b"]}"), ord(",")


def structure_trouble(text: bytes, *, max_depth: int, max_parts: int) -> str | None:
    """Say why a text is not worth parsing, or None where it is.

    Args:
        text: UTF-8.
        max_depth: Of brackets in brackets.
        max_parts: Brackets that open, and commas.
    """
    if text.count(b"[") + text.count(b"{") + text.count(b",") <= _HARMLESS:
        return None
    depth = parts = 0
    # In valid JSON no more than four tokens belong to one part: ["a"], and a name.
    for tokens, token in enumerate(_TOKEN.finditer(text)):
        first = text[token.start()]
        if first in _CLOSING:
            depth -= 1
        elif first in _OPENING or first == _COMMA:
            depth += first != _COMMA
            parts += 1
            if depth > max_depth:
                return f"the JSON is nested too deeply: nested deeper than {max_depth}"
        if parts > max_parts or tokens > 4 * max_parts:
            return "the JSON has far more parts than a request may need"
    return None
