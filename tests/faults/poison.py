"""Requests that deserve a refusal: one 4xx each, and nobody else may notice."""

from __future__ import annotations

import json
import random
import struct
import zlib
from typing import Final

from tests import pictures
from tests.faults.brittle_release import MARKER
from tests.faults.known_answers import Question

_PATH: Final = "/v1/predict/digits"
# A damaged picture may still be one: what it shows then is nobody's business.
_ANSWERED_OR_NOT: Final = frozenset({200, 413, 415, 422})


def _image(kind: str, body: bytes, media_type: str, statuses: frozenset[int]) -> Question:
    return Question(kind, _PATH, body, {"Content-Type": media_type}, statuses=statuses)


def _truncated(rng: random.Random) -> Question:
    whole = pictures.seven_jpeg()
    cut = whole[: rng.randrange(1, len(whole))]
    return _image("poison", cut, "image/jpeg", _ANSWERED_OR_NOT)


def _bit_flipped(rng: random.Random) -> Question:
    damaged = bytearray(pictures.seven_jpeg())
    for _ in range(rng.randrange(1, 40)):
        damaged[rng.randrange(2, len(damaged))] ^= 1 << rng.randrange(8)
    return _image("poison", bytes(damaged), "image/jpeg", _ANSWERED_OR_NOT)


def _bomb_by_header(rng: random.Random) -> Question:
    side = rng.randrange(20_000, 65_000)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        body += struct.pack(">I", len(content)) + name + content + checksum
    return _image("poison", body, "image/png", frozenset({422}))


def _bomb_jpeg(rng: random.Random) -> Question:
    """A JPEG whose frame header claims up to 65 000 x 65 000 pixels."""
    whole = bytearray(pictures.seven_jpeg())
    frame = whole.index(b"\xff\xc0")
    struct.pack_into(">HH", whole, frame + 5, rng.randrange(30_000, 65_000), 65_000)
    return _image("poison", bytes(whole), "image/jpeg", frozenset({422}))


def _wrong_format(rng: random.Random) -> Question:
    if rng.random() < 0.5:
        body = pictures.encoded(pictures.seven(), "GIF")
    else:
        body = rng.randbytes(rng.randrange(1, 2000))
    return _image("poison", body, "image/jpeg", frozenset({415, 422}))


_IMAGES: Final = (_truncated, _bit_flipped, _bomb_by_header, _bomb_jpeg, _wrong_format)


def poisoned_image(rng: random.Random) -> Question:
    """One image that no decoder should take, of a random kind."""
    return rng.choice(_IMAGES)(rng)


def oversized(rng: random.Random) -> Question:
    """More than the gateway takes: by its declared length, or 300 texts where 256 are accepted."""
    if rng.random() < 0.2:
        body = bytes(21 * 1024 * 1024)
        return _image("oversized", body, "image/jpeg", frozenset({413}))
    texts = json.dumps({"texts": ["snow"] * 300}).encode()
    headers = {"Content-Type": "application/json"}
    refused = frozenset({400, 413, 422})
    return Question("oversized", "/v1/predict/words", texts, headers, statuses=refused)


def killing_text(word: str) -> Question:
    """A text that ends the stub that looks at it, each time: see brittle_release."""
    body = json.dumps({"text": f"{MARKER} {word}"}).encode()
    headers = {"Content-Type": "application/json"}
    return Question("killer", "/v1/predict/words", body, headers, statuses=frozenset({422}))
