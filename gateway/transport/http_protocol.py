"""What one connection may cost before a request of it exists: bytes, seconds, and no doubt.

uvicorn's protocol has no bound on headers, none on connections and no clock while headers arrive.
llhttp refuses most of what request smuggling lives from; what it lets pass is refused here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from gateway.errors import (
    HeadersTooLarge,
    HeaderTimeout,
    MalformedRequest,
    TooManyConnections,
    TransportError,
)
from gateway.transport.request_target import check_target
from gateway.transport.transport_answer import Refused, error_of, transport_answer

# How long a refused client may take to read its answer before the connection ends.
_LINGER_SECONDS: Final = 1.0
_MOST_THROWN_AWAY_BYTES: Final = 4 * 1024 * 1024
_MAX_HEADERS: Final = 100
_MAX_PIPELINED: Final = 16
# Chunk sizes may take this many bytes for each byte of body; beyond that it is an attack.
_FRAMING_PER_BODY_BYTE: Final = 8
# A second one would leave it to chance whether a proxy before us and we mean the same.
_AT_MOST_ONCE: Final = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"transfer-encoding",
        b"x-api-key",
    }
)


@dataclass(frozen=True)
class TransportLimits:
    """What a connection may cost."""

    max_header_bytes: int
    header_seconds: float
    max_connections: int


class GuardedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds.

    One timer per connection looks now and then; a request only moves the deadline that it reads.

    Args:
        limits: The bounds.
        report: Is told the code of each refusal.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: TransportLimits,
        report: Callable[[str], None],
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._report = report
        self._timer: asyncio.TimerHandle | None = None
        # When what the client owes must be here; None while we owe the client an answer.
        self._deadline: float | None = None
        self._write_paused_at: float | None = None
        self._was_closing = False
        self._is_refused = False  # whatever still comes is thrown away
        self._thrown_away_bytes = 0
        self._is_in_headers = True
        self._unparsed_bytes = 0  # received, and neither a whole header section nor body came of it
        self._header_bytes = 0
        self._single: dict[bytes, bytes] = {}
        self._running: RequestResponseCycle | None = None

    def connection_made(  # type: ignore[override]  # as uvicorn declares it
        self, transport: asyncio.Transport
    ) -> None:
        """Take a connection, or turn it away while too many are open."""
        super().connection_made(transport)
        self._owes_within(self._limits.header_seconds)
        if len(self.connections) > self._limits.max_connections:
            self._is_refused = True
            self._write_refusal(TooManyConnections("too many connections; try again in a second"))
            transport.close()
        self._timer = self.loop.call_later(self._limits.header_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None and self._running is not self.cycle:
            self._running.disconnected = True  # uvicorn tells only the last of a pipeline
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._is_refused:
            self._throw_away(data)
            return
        self._unset_keepalive_if_required()
        self._unparsed_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_refused = True  # answered as if nobody had asked; nothing may come behind it
        except httptools.HttpParserError as exc:
            self._refuse(error_of(exc))
        else:
            if self._unparsed_bytes > self._limits.max_header_bytes:
                self._refuse(self._too_large())

    def _throw_away(self, data: bytes) -> None:
        self._thrown_away_bytes += len(data)
        if self._thrown_away_bytes > _MOST_THROWN_AWAY_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Start the clock of a header section."""
        super().on_message_begin()
        self._is_in_headers = True
        self._header_bytes = 0
        self._single = {}
        if self._running is None or self._running.response_complete:
            self._owes_within(self._limits.header_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header and keep it, unless it is a trailer: nobody reads those."""
        if not self._is_in_headers:
            return
        name = name.lower()
        self.headers.append((name, value))  # all that uvicorn does with most of them
        self._header_bytes += len(name) + len(value) + 4
        if len(self.headers) > _MAX_HEADERS:
            raise Refused(HeadersTooLarge(f"there are more than {_MAX_HEADERS} headers"))
        if name in _AT_MOST_ONCE:
            if name in self._single:
                raise Refused(MalformedRequest(f"{name.decode()} may be there once, not twice"))
            self._single[name] = value

    def on_headers_complete(self) -> None:
        """Refuse what can be understood in two ways, and start the request."""
        if self._header_bytes + len(self.url) > self._limits.max_header_bytes:
            raise Refused(self._too_large())
        self._check_head()
        self._is_in_headers = False
        self._unparsed_bytes = 0
        self._deadline = None
        self.expect_100_continue = self._single.get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False
        if len(self.pipeline) > _MAX_PIPELINED:
            raise Refused(MalformedRequest("too many requests at once on one connection"))

    def _check_head(self) -> None:
        version = self.parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise Refused(MalformedRequest("only HTTP/1.1 and HTTP/1.0 are spoken here"))
        coding = self._single.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
            raise Refused(MalformedRequest("Transfer-Encoding may be chunked, in HTTP/1.1 only"))
        host = self._single.get(b"host")
        if host is None and version == "1.1":
            raise Refused(MalformedRequest("HTTP/1.1 asks for a Host header"))
        trouble = check_target(self.url, host)
        if trouble:
            raise Refused(MalformedRequest(trouble))

    def on_body(self, body: bytes) -> None:
        """Pass a piece on; uvicorn stops reading while 64 KiB wait for the application."""
        framing = self._unparsed_bytes - len(body) * (1 + _FRAMING_PER_BODY_BYTE)
        self._unparsed_bytes = max(0, framing)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole; what comes now is the next one's."""
        self._is_in_headers = True
        self._unparsed_bytes = 0
        if self._running is not None and self._running.response_complete:
            self._owes_within(self._limits.header_seconds)
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        self._deadline = None
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body that nobody read."""
        self._owes_within(self._limits.header_seconds)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Note since when the client does not read."""
        self._write_paused_at = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._write_paused_at = None
        super().resume_writing()

    def close_if_quiet(self, seconds: float) -> None:
        """Close the connection where nothing is on its way and nothing came for so long."""
        if self._deadline is None or self._unparsed_bytes or not self._is_in_headers:
            return
        if self.loop.time() >= self._deadline - self._limits.header_seconds + seconds:
            self.transport.close()

    def _owes_within(self, seconds: float) -> None:
        self._deadline = self.loop.time() + seconds

    def _look(self) -> None:
        """End what is overdue. No look is further away than a deadline set after it can be."""
        now, patience = self.loop.time(), self._limits.header_seconds
        next_look = now + patience
        if self._does_not_read(now):
            self.transport.abort()
        elif not self.transport.is_closing() and self._deadline is not None:
            if now < self._deadline:
                next_look = self._deadline
            else:
                self._end_overdue()
        self._was_closing = self.transport.is_closing()
        self._timer = self.loop.call_at(next_look, self._look)

    def _does_not_read(self, now: float) -> bool:
        if self.transport.is_closing():
            return self._was_closing  # closed a whole look ago, and still not gone
        paused_at = self._write_paused_at
        return paused_at is not None and now - paused_at >= self._limits.header_seconds

    def _end_overdue(self) -> None:
        if self._is_in_headers and self._unparsed_bytes and not self._is_refused:
            seconds = self._limits.header_seconds
            self._refuse(HeaderTimeout(f"the headers were not complete after {seconds:g} seconds"))
        else:
            self.transport.close()

    def _too_large(self) -> TransportError:
        if self._is_in_headers:
            limit = self._limits.max_header_bytes
            return HeadersTooLarge(f"request line and headers may have {limit} bytes together")
        return MalformedRequest("chunk extensions and trailers are larger than the body")

    def _refuse(self, error: TransportError) -> None:
        self._is_refused = True
        self.pipeline.clear()
        running = self._running
        if running is not None and not running.response_complete:
            self.cycle = running
            running.keep_alive = False
            if not running.more_body:
                return  # its answer comes first, and is the last
            running.disconnected = True
            running.message_event.set()
            if running.response_started:
                self.transport.close()
                return
        elif not self._is_in_headers:
            self.transport.close()  # the rest of a body whose answer is out; a second would confuse
            return
        self._write_refusal(error)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # Closed at once, what is still unread would reset the connection before the answer is read.
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    def _write_refusal(self, error: TransportError) -> None:
        self._report(error.code)
        self.transport.write(transport_answer(error))
