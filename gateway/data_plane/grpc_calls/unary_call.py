"""One unary call on its way: what is still to be sent, and what has come of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import grpc

from gateway.data_plane.grpc_calls.call_errors import CallError, code_of_http, code_of_status

# A call may begin before the server has let go of the one that just ended: some milliseconds where
# the machine is busy, in which it is asked, and refuses, dozens of times.
_MOST_REFUSALS: Final = 100
_PREFIX_BYTES: Final = 5  # of a message: whether it is compressed, and its length


def with_prefix(message: bytes) -> bytes:
    """A message as it travels, uncompressed."""
    return b"\x00" + len(message).to_bytes(4, "big") + message


class UnaryCall:
    """One call.

    Args:
        answer: Gets the message that comes back, or a CallError.
        block: Its headers.
        message: With its prefix.
        started: When, of the event loop's clock.
    """

    __slots__ = (
        "_message",
        "answer",
        "block",
        "body",
        "http_status",
        "refusals",
        "room",
        "started",
        "stream",
        "unsent",
    )

    def __init__(
        self, answer: asyncio.Future[bytes], block: bytes, message: bytes, started: float
    ) -> None:
        self.answer = answer
        self.block = block
        self.unsent = memoryview(message)
        self.started = started
        self.stream = 0  # until it is begun
        self.room = 0  # bytes that the server takes of it now
        self.body = bytearray()
        self.http_status = ""  # until it is told
        self.refusals = 0
        self._message = message

    def is_begun_again(self) -> bool:
        """Whether a refused call may be made once more: the server has not looked at it."""
        self.refusals += 1
        self.unsent = memoryview(self._message)
        return self.refusals <= _MOST_REFUSALS

    def finish(self, headers: Mapping[str, str]) -> None:
        """It has ended, with these headers, or without any."""
        status = headers.get("grpc-status")
        if status == "0":
            self._succeed()
        elif status is not None:
            details = unquote(headers.get("grpc-message", ""))
            self.fail(CallError(code_of_status(status), details))
        elif self.http_status in {"", "200"} and self.body:
            self.fail(CallError(grpc.StatusCode.INTERNAL, "an answer without a status"))
        else:
            code = code_of_http(self.http_status)
            self.fail(CallError(code, f"HTTP {self.http_status}"))

    def fail(self, error: CallError) -> None:
        """There is no answer."""
        if not self.answer.done():  # whoever asked may be gone
            self.answer.set_exception(error)

    def _succeed(self) -> None:
        body = self.body
        is_plain = len(body) >= _PREFIX_BYTES and not body[0]
        if not is_plain or int.from_bytes(body[1:5], "big") != len(body) - _PREFIX_BYTES:
            self.fail(CallError(grpc.StatusCode.INTERNAL, "an answer without its message"))
        elif not self.answer.done():
            self.answer.set_result(bytes(memoryview(body)[_PREFIX_BYTES:]))
