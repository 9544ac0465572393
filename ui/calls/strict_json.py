"""The JSON of a response, or of a line of it, strictly, and what reading it may raise."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

# What reading a body raises that has another shape, or is no JSON: too deep for the stack, or a
# number too large, among them.
OTHER_SHAPE = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


# The type of what is returned is what the caller says: nothing here knows it.
def read_json(response: httpx.Response) -> Any:  # noqa: ANN401 - JSON can be anything
    """Read JSON as RFC 8259 has it: no NaN, and nothing that is no character.

    Half of a surrogate pair is what no browser can be sent.
    """
    body = json.loads(response.content, parse_constant=_refuse)
    if _SURROGATE.search(response.content):
        json.dumps(body, ensure_ascii=False).encode()
    return body


def read_json_line(line: bytes) -> Any:  # noqa: ANN401 - as above
    """Read one of many JSON lines, likewise; halves of characters are the caller's."""
    return json.loads(line, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
