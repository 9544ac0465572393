"""Header blocks, which may go over several frames, and what they say."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import hpack

from gateway.data_plane.grpc_calls import frames
from gateway.data_plane.grpc_calls.frames import Frame, ProtocolBroken

# Of a block, and of what it says; an error's text from Triton is a few hundred.
_MOST_BYTES: Final = 64 * 1024


class HeaderBlocks:
    """Puts HEADERS and the CONTINUATIONs after it together; nothing may come between them."""

    def __init__(self) -> None:
        self._begun: Frame | None = None
        self._block = b""

    def feed(self, frame: Frame) -> Frame | None:
        """The HEADERS frame with all of its block, once that is whole; any other as it came.

        Raises:
            ProtocolBroken: something else came between, or it is too long.
        """
        if self._begun is None and frame.kind not in {frames.HEADERS, frames.CONTINUATION}:
            return frame
        if self._begun is None and frame.kind == frames.HEADERS:
            if frame.flags & frames.END_HEADERS:
                return frame
            self._begun, self._block = frame, frames.content(frame)
            return None
        return self._continued(frame)

    def _continued(self, frame: Frame) -> Frame | None:
        begun = self._begun
        if begun is None or (frame.kind, frame.stream) != (frames.CONTINUATION, begun.stream):
            raise ProtocolBroken("headers that are not continued")
        self._block += frame.payload
        if len(self._block) > _MOST_BYTES:
            raise ProtocolBroken("headers without end")
        if not frame.flags & frames.END_HEADERS:
            return None
        self._begun = None
        flags = begun.flags & frames.END_STREAM | frames.END_HEADERS
        return Frame(frames.HEADERS, flags, begun.stream, self._block)


@lru_cache(maxsize=64)
def read_headers(block: bytes) -> tuple[tuple[str, str], ...]:
    """What a block says; read once, for without a table it means the same whenever it comes.

    Raises:
        hpack.HPACKError: it is none.
    """
    decoder = hpack.Decoder(max_header_list_size=_MOST_BYTES)
    found: Any = decoder.decode(block)
    return tuple((str(name), str(value)) for name, value in found)
