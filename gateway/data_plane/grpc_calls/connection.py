"""One HTTP/2 connection to a gRPC server, and the calls on it.

grpc.aio answers from a thread of its own that wakes the event loop for every event; this is a
plain asyncio protocol, and costs a third of it (docs/adr/0012).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, cast

import grpc
import hpack

from gateway.data_plane.grpc_calls import frames
from gateway.data_plane.grpc_calls.call_errors import (
    REFUSED_STREAM,
    CallError,
    code_of_reset,
    unavailable,
)
from gateway.data_plane.grpc_calls.frames import Frame, ProtocolBroken
from gateway.data_plane.grpc_calls.header_blocks import HeaderBlocks, read_headers
from gateway.data_plane.grpc_calls.unary_call import UnaryCall

_LAST_STREAM: Final = 2**31 - 1
_NO_ERROR: Final = bytes(4)
_CANCEL: Final = (8).to_bytes(4, "big")


class GrpcConnection(asyncio.Protocol):
    """Makes calls until the server or the network ends it.

    Args:
        on_end: Called once, when it takes no new calls any more.
    """

    def __init__(self, on_end: Callable[[GrpcConnection], None]) -> None:
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self.is_ready: asyncio.Future[None] = self._loop.create_future()
        """Done when the server has said its settings."""
        self.has_ended: asyncio.Future[None] = self._loop.create_future()
        self.takes_calls = True
        self._transport: asyncio.Transport | None = None
        self._reader = frames.FrameReader()
        self._header_blocks = HeaderBlocks()
        self._calls: dict[int, UnaryCall] = {}
        self._blocked: deque[UnaryCall] = deque()  # for room of the connection, or of their own
        self._waiting: deque[UnaryCall] = deque()  # for another call to end
        self._next_stream = 1
        self._most_calls = _LAST_STREAM
        self._room = self._first_room = frames.FIRST_WINDOW_BYTES
        self._frame_bytes = frames.FIRST_FRAME_BYTES
        self._received_bytes = 0
        self._heard = self._loop.time()
        self._out: list[bytes | memoryview] = []
        self._handlers: dict[int, Callable[[Frame], None]] = {
            frames.DATA: self._on_data,
            frames.HEADERS: self._on_headers,
            frames.RST_STREAM: self._on_reset,
            frames.SETTINGS: self._on_settings,
            frames.PUSH_PROMISE: self._on_push,
            frames.PING: self._on_ping,
            frames.GOAWAY: self._on_goaway,
            frames.WINDOW_UPDATE: self._on_window_update,
        }

    @property
    def is_idle(self) -> bool:
        """Whether no call is on its way."""
        return not self._calls and not self._waiting

    def call(self, block: bytes, message: bytes) -> asyncio.Future[bytes]:
        """Make a call.

        Args:
            block: Its headers, as `literal_headers` writes them.
            message: With its prefix.

        Returns:
            The answer's message, or a CallError.
        """
        answer: asyncio.Future[bytes] = self._loop.create_future()
        call = UnaryCall(answer, block, message, self._loop.time())
        if len(self._calls) < self._most_calls:
            self._begin(call)
            self._flush()
        else:
            self._waiting.append(call)
        return answer

    def retire(self) -> None:
        """Take no new call, and end when those that are on their way have ended."""
        self._retire()
        self._close_if_done()

    def end_hung_calls(self, seconds: float) -> None:
        """Give up calls that have no answer after so long; and the server, if it said nothing."""
        now = self._loop.time()
        too_late = CallError(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time")
        while self._waiting and now - self._waiting[0].started > seconds:
            self._waiting.popleft().fail(too_late)
        late = [it for it in self._calls.values() if now - it.started > seconds]
        for call in late:
            self._out.append(frames.frame(frames.RST_STREAM, 0, call.stream, _CANCEL))
            self._fail(call, too_late)
        self._flush()
        if late and now - self._heard > seconds:
            self.close()

    def close(self) -> None:
        """End the connection; calls on it fail, and no new one is made on it from now on."""
        self._retire()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say what we take."""
        self._transport = cast(asyncio.Transport, transport)
        self._out.append(frames.GREETING)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was on its way."""
        self._retire()
        lost = unavailable(f"the connection was lost: {exc or 'closed'}")
        if not self.is_ready.done():
            self.is_ready.set_exception(lost)
        for call in list(self._calls.values()):
            self._fail(call, lost)
        self.has_ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Read frames."""
        self._heard = self._loop.time()
        try:
            for raw in self._reader.feed(data):
                frame = self._header_blocks.feed(raw)
                if frame is None:
                    continue
                handler = self._handlers.get(frame.kind)
                if handler is not None:  # kinds that nobody knows are to be ignored
                    handler(frame)
        except (ProtocolBroken, hpack.HPACKError) as exc:
            self._end_broken(exc)
        self._flush()

    def _end_broken(self, exc: Exception) -> None:
        broken = CallError(grpc.StatusCode.INTERNAL, f"the server breaks the protocol: {exc}")
        self._retire()
        for call in list(self._calls.values()):
            self._fail(call, broken)
        self.close()

    def _begin(self, call: UnaryCall) -> None:
        call.stream, call.room = self._next_stream, self._first_room
        self._next_stream += 2
        self._calls[call.stream] = call
        if self._next_stream > _LAST_STREAM:
            self._retire()
        head = frames.head(frames.HEADERS, frames.END_HEADERS, call.stream, len(call.block))
        self._out += (head, call.block)
        self._send(call)

    def _send(self, call: UnaryCall) -> None:
        """Send as much of a message as the server takes now."""
        while call.unsent:
            size = min(len(call.unsent), call.room, self._room, self._frame_bytes)
            if size <= 0:
                self._blocked.append(call)
                return
            flags = frames.END_STREAM if size == len(call.unsent) else 0
            self._out += (
                frames.head(frames.DATA, flags, call.stream, size),
                call.unsent[:size],
            )
            call.unsent = call.unsent[size:]
            call.room -= size
            self._room -= size

    def _send_blocked(self) -> None:
        for _ in range(len(self._blocked)):
            call = self._blocked.popleft()
            if call.stream in self._calls:
                self._send(call)

    def _flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _on_data(self, frame: Frame) -> None:
        self._received_bytes += len(frame.payload)
        if self._received_bytes > frames.OUR_WINDOW_BYTES // 2:
            self._out.append(frames.window_update(0, self._received_bytes))
            self._received_bytes = 0
        call = self._calls.get(frame.stream)
        if call is None:
            return
        call.body += frames.content(frame)
        if frame.flags & frames.END_STREAM:
            call.finish({})
            self._forget(call)

    def _on_headers(self, frame: Frame) -> None:
        headers = dict(read_headers(frames.content(frame)))
        call = self._calls.get(frame.stream)
        if call is None:
            return
        call.http_status = headers.get(":status", call.http_status)
        if frame.flags & frames.END_STREAM:
            if call.unsent:  # or the server would wait for the rest of it
                self._out.append(frames.frame(frames.RST_STREAM, 0, call.stream, _NO_ERROR))
            call.finish(headers)
            self._forget(call)

    def _fail(self, call: UnaryCall, error: CallError) -> None:
        call.fail(error)
        self._forget(call)

    def _forget(self, call: UnaryCall) -> None:
        self._calls.pop(call.stream, None)
        self._begin_waiting()
        self._close_if_done()

    def _begin_waiting(self) -> None:
        while self._waiting and self.takes_calls and len(self._calls) < self._most_calls:
            call = self._waiting.popleft()
            if not call.answer.done():  # whoever asked may be gone
                self._begin(call)

    def _close_if_done(self) -> None:
        if not self.takes_calls and self.is_idle and self._transport is not None:
            self._transport.close()

    def _on_reset(self, frame: Frame) -> None:
        call = self._calls.get(frame.stream)
        if call is None:
            return
        error = frames.read_number(frame.payload)
        if error == REFUSED_STREAM and self.takes_calls and call.is_begun_again():
            del self._calls[frame.stream]
            self._begin(call)
        else:
            self._fail(call, CallError(code_of_reset(error), f"reset with HTTP/2 error {error}"))

    def _on_settings(self, frame: Frame) -> None:
        if frame.flags & frames.ACK:
            return
        told = frames.read_settings(frame.payload)
        window = told.get(frames.INITIAL_WINDOW_SIZE, self._first_room)
        for call in self._calls.values():
            call.room += window - self._first_room
        self._first_room = window
        asked = told.get(frames.MAX_FRAME_SIZE, self._frame_bytes)
        # Nobody may ask for less, or for more.
        asked = min(asked, frames.LARGEST_FRAME_BYTES)
        self._frame_bytes = max(asked, frames.FIRST_FRAME_BYTES)
        self._most_calls = told.get(frames.MAX_CONCURRENT_STREAMS, self._most_calls)
        self._out.append(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._send_blocked()
        self._begin_waiting()
        if not self.is_ready.done():
            self.is_ready.set_result(None)

    def _on_push(self, _frame: Frame) -> None:
        raise ProtocolBroken("a pushed answer, which nobody allowed")

    def _on_ping(self, frame: Frame) -> None:
        if not frame.flags & frames.ACK:
            self._out.append(frames.frame(frames.PING, frames.ACK, 0, frame.payload))

    def _on_goaway(self, frame: Frame) -> None:
        last = frames.read_number(frame.payload)
        self._retire()
        for call in [call for stream, call in self._calls.items() if stream > last]:
            self._fail(call, unavailable("the server goes away"))
        self._close_if_done()

    def _on_window_update(self, frame: Frame) -> None:
        more = frames.read_number(frame.payload)
        if not frame.stream:
            self._room += more
        elif call := self._calls.get(frame.stream):
            call.room += more
        self._send_blocked()

    def _retire(self) -> None:
        if not self.takes_calls:
            return
        self.takes_calls = False
        for call in self._waiting:
            call.fail(unavailable("the connection takes no more calls"))
        self._waiting.clear()
        self._on_end(self)
