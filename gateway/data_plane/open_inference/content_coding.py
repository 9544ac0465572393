"""gzip and deflate: undone within bounds on the way in, done on the way out where it pays."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from typing import Final

from gateway.data_plane.request_body import Counter
from gateway.errors import MalformedCompression, PayloadTooLarge, UnsupportedMediaType

# zlib's wbits: 15 bits of window, 16 more for gzip's wrapper. HTTP's "deflate" is zlib's wrapper.
_WINDOW_OF: Final = {"gzip": 31, "deflate": 15}
_PIECE_BYTES: Final = 256 * 1024
# What is admitted is counted as it arrives, so a request may not swell far beyond that: the first
# MiB is free, for texts that repeat themselves, and images hardly shrink at all.
_FREE_BYTES: Final = 1024 * 1024
_MAX_RATIO: Final = 32
# Below this, headers and processor time outweigh what is saved; above, the quickest level saves
# most of it: the answers are text that repeats itself.
_WORTH_BYTES: Final = 1024
_LEVEL: Final = 1


def window_of(content_encoding: str) -> int | None:
    """How a body is compressed, by its Content-Encoding; None where it is not.

    Raises:
        UnsupportedMediaType: in another way, or more than once.
    """
    name = content_encoding.strip().lower()
    if name in {"", "identity"}:
        return None
    window = _WINDOW_OF.get(name)
    if window is None:
        raise UnsupportedMediaType("Content-Encoding is taken as gzip or deflate, once")
    return window


async def inflated(
    chunks: AsyncIterable[bytes], window: int, limit_bytes: int, counter: Counter | None = None
) -> AsyncGenerator[bytes, None]:
    """Pass a body on, inflated piece by piece.

    Raises:
        PayloadTooLarge: it inflates to more bytes than the limit, or than its own length allows.
        MalformedCompression: it is damaged, cut short, or something follows its end.
        Overloaded: the counter has no room for what it inflates to.
    """
    inflater = zlib.decompressobj(wbits=window)
    total, allowed_bytes = 0, _FREE_BYTES
    async for chunk in chunks:
        allowed_bytes += _MAX_RATIO * len(chunk)
        most = min(limit_bytes, allowed_bytes)
        for piece in _pieces(inflater, chunk):
            total += len(piece)
            if total > most:
                raise PayloadTooLarge(f"the body inflates too far, beyond {most} bytes")
            if counter:
                counter.count(total)
            yield piece
            if len(piece) == _PIECE_BYTES:
                await asyncio.sleep(0)  # a bomb must not keep the others waiting
    if not inflater.eof:
        raise MalformedCompression("the compressed body ends before its end")


def _pieces(inflater: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    while not inflater.eof:
        try:
            piece = inflater.decompress(chunk, _PIECE_BYTES)
        except zlib.error as exc:
            raise MalformedCompression("the compressed body is damaged") from exc
        yield piece
        chunk = inflater.unconsumed_tail or inflater.unused_data
        # A full piece may have left output inside, with no input to show for it.
        if not chunk and len(piece) < _PIECE_BYTES:
            return
    if chunk:
        raise MalformedCompression("something follows the end of the compressed body")


def compressed(body: bytes, accept_encoding: str) -> tuple[bytes, str]:
    """Compress an answer where the client asks for it and it is worth it.

    Returns:
        What to send, and its Content-Encoding; "" where it stays as it was.
    """
    if not accept_encoding or len(body) < _WORTH_BYTES:
        return body, ""
    asked = {_accepted(part) for part in accept_encoding.lower().split(",")}
    for name, window in _WINDOW_OF.items():
        if name in asked:
            deflater = zlib.compressobj(_LEVEL, wbits=window)
            return deflater.compress(body) + deflater.flush(), name
    return body, ""


def _accepted(part: str) -> str:
    name, _, weight = part.partition(";")
    is_refused = weight.replace(" ", "").rstrip("0.") == "q="
    return "" if is_refused else name.strip()
