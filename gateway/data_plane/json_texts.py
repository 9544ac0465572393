"""A JSON body taken apart: {"text": "..."} or {"texts": ["...", ...]}, as UTF-8."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from gateway.data_plane.json_structure import structure_trouble
from gateway.errors import EmptyBody, MalformedJson, TooManyTexts

FORMS: Final = '{"text": "..."} or {"texts": ["...", ...]}'
_ONE: Final = "text"
_SEVERAL: Final = "texts"
_MAX_DEPTH: Final = 64  # more than any of the forms has: the message is better after parsing
_SPARE: Final = 16384  # parts beyond the texts: for a message better than "far too many"
_NAME_CHARACTERS: Final = 40  # of a field nobody knows, so that the answer stays short


@dataclass(frozen=True)
class TextBody:
    """What a body asks about: one text by itself, or several in their order."""

    texts: tuple[bytes, ...]
    """UTF-8; an empty one stands for any that holds nothing but white space."""
    is_batch: bool


def parse_texts(body: bytes, max_texts: int) -> TextBody:
    """Read one text or several.

    Raises:
        EmptyBody: there is no body.
        MalformedJson: it is no JSON, or not of one of the two forms.
        TooManyTexts: more texts than one request may bring.
    """
    if not body:
        raise EmptyBody(f"the body is empty; send {FORMS}")
    trouble = structure_trouble(body, max_depth=_MAX_DEPTH, max_parts=2 * max_texts + _SPARE)
    if trouble:
        raise MalformedJson(trouble)
    match _load_object(body):
        case {"text": text, **rest} if not rest:
            return TextBody((_encode(text, _ONE),), is_batch=False)
        case {"texts": texts, **rest} if not rest:
            return TextBody(_encode_several(texts, max_texts), is_batch=True)
        case {"text": _, "texts": _}:
            raise MalformedJson("the body holds both text and texts; send one of them")
        case fields:
            raise MalformedJson(_wrong_fields(fields))


def _load_object(body: bytes) -> dict[str, object]:
    try:
        # JSON is UTF-8 and nothing else (RFC 8259); a byte order mark at its start does no harm.
        # No number is wanted here: a float is cheap however many digits it has, an int is not.
        loaded = json.loads(body.decode("utf-8-sig"), parse_int=float)
    except UnicodeDecodeError as exc:
        raise MalformedJson("the body is not UTF-8") from exc
    except ValueError as exc:
        raise MalformedJson(f"the body is not JSON: {exc}") from exc
    except RecursionError as exc:
        raise MalformedJson("the body is nested too deeply") from exc
    if not isinstance(loaded, dict):
        raise MalformedJson(f"the body is no JSON object; send {FORMS}")
    return loaded


def _wrong_fields(fields: dict[str, object]) -> str:
    unknown = sorted(fields.keys() - {_ONE, _SEVERAL})
    if not unknown:
        return f"the body holds no text; send {FORMS}"
    # As repr writes it: half a surrogate pair in the name would be an answer that cannot be sent.
    name = repr(unknown[0][:_NAME_CHARACTERS])
    return f"the body holds the unknown field {name}; send {FORMS}"


def _encode_several(texts: object, max_texts: int) -> tuple[bytes, ...]:
    if not isinstance(texts, list):
        raise MalformedJson("texts is no list")
    if not texts:
        raise MalformedJson("texts is an empty list")
    if len(texts) > max_texts:
        raise TooManyTexts(f"at most {max_texts} texts are taken in one request")
    return tuple(_encode(text, f"texts[{place}]") for place, text in enumerate(texts))


def _encode(text: object, where: str) -> bytes:
    if not isinstance(text, str):
        raise MalformedJson(f"{where} is no string")
    try:
        return text.encode() if text.strip() else b""
    except UnicodeEncodeError as exc:
        raise MalformedJson(f"{where} holds half a surrogate pair, which is no character") from exc
