"""JSON read so that nothing in it is guessed or dropped: one object of strings and integers."""

from __future__ import annotations

import json
from typing import Final, NoReturn

from gateway.data_plane.json_structure import structure_trouble
from gateway.errors import InvalidInferRequest

MAX_DEPTH: Final = 8  # a nested list of one input's data lies five deep
_DESCRIPTION: Final = 128  # brackets and commas that are not the data's
_MAX_DIGITS: Final = 18  # fits 64 bits
_SHOWN_CHARACTERS: Final = 40


def shown(text: str) -> str:
    """A caller's word for an error message: short, and always something that can be sent."""
    return ascii(text[:_SHOWN_CHARACTERS])


def load_object(text: bytes, *, max_items: int) -> dict[str, object]:
    """Read one JSON object.

    Args:
        text: UTF-8.
        max_items: How many elements its data may have; far more of anything is refused unparsed.

    Raises:
        InvalidInferRequest: it is no JSON, is too deep or has too many parts, holds a name twice,
            or a number that is no small integer.
    """
    trouble = structure_trouble(text, max_depth=MAX_DEPTH, max_parts=2 * max_items + _DESCRIPTION)
    if trouble:
        raise InvalidInferRequest(trouble)
    try:
        loaded = _DECODER.decode(text.decode())
    except UnicodeDecodeError as exc:
        raise InvalidInferRequest("the JSON is not UTF-8") from exc
    except (ValueError, RecursionError) as exc:
        raise InvalidInferRequest(f"the request is not JSON: {exc}") from exc
    if not isinstance(loaded, dict):
        raise InvalidInferRequest("the request is no JSON object")
    return loaded


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInferRequest(f"the JSON holds the name {shown(twice)} twice in one object")
    return fields


def _small_integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise InvalidInferRequest(f"the number {digits[:_MAX_DIGITS]}... is out of range")
    return int(digits)


def _no_number(text: str) -> NoReturn:
    raise InvalidInferRequest(f"{text[:_MAX_DIGITS]} is no integer, and nothing else is taken here")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_small_integer,
    parse_float=_no_number,
    parse_constant=_no_number,
)
