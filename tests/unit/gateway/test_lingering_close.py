"""How long the rest of a body is thrown away behind an answer that ends the connection."""

from __future__ import annotations

import asyncio
import time

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gateway.transport.lingering_close import LingeringClose

_POST: Scope = {
    "type": "http",
    "method": "POST",
    "headers": [(b"content-length", b"99999999")],
}
_SMALL_POST: Scope = {**_POST, "headers": [(b"content-length", b"1048576")]}
_PIECE: Message = {"type": "http.request", "body": b"x", "more_body": True}


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(b"no", 401)(scope, receive, send)


async def _end(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(b"no", 408, {"Connection": "close"})(scope, receive, send)


async def _accept(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["more_body"]:
        pass
    await Response(b"yes")(scope, receive, send)


class _Client:
    """Both ends of an ASGI call: what the client still sends, and what it got when."""

    def __init__(self, *pieces: Message) -> None:
        self.pieces = list(pieces)
        self.got: list[Message] = []
        self.left_at_the_answer = -1

    async def receive(self) -> Message:
        if not self.pieces:
            await asyncio.get_running_loop().create_future()  # it says nothing any more
        return self.pieces.pop(0)

    async def send(self, message: Message) -> None:
        self.got.append(message)
        if message.get("body"):
            self.left_at_the_answer = len(self.pieces)


async def test_the_answer_goes_out_first_and_the_connection_ends_behind_the_body() -> None:
    client = _Client(_PIECE, _PIECE, {"type": "http.request", "body": b"", "more_body": False})
    await LingeringClose(_refuse)(_POST, client.receive, client.send)
    assert client.left_at_the_answer == 3
    assert client.pieces == []
    assert [message.get("more_body", False) for message in client.got[1:]] == [True, False]


async def test_a_client_that_goes_away_is_not_waited_for() -> None:
    client = _Client(_PIECE, {"type": "http.disconnect"})
    await LingeringClose(_refuse)(_POST, client.receive, client.send)
    assert client.pieces == []


async def test_a_client_that_sends_without_end_or_nothing_at_all_is_cut_off() -> None:
    for pieces in ([], [_PIECE]):
        client = _Client(*pieces)
        started = time.monotonic()
        await LingeringClose(_refuse, linger_seconds=0.05)(_POST, client.receive, client.send)
        assert 0.04 < time.monotonic() - started < 2
        assert client.got[-1].get("more_body", False) is False


async def test_a_body_that_was_read_to_its_end_leaves_the_connection_open() -> None:
    client = _Client(_PIECE, {"type": "http.request", "body": b"x", "more_body": False})
    await LingeringClose(_accept)(_POST, client.receive, client.send)
    assert client.pieces == []
    assert (b"connection", b"close") not in client.got[0]["headers"]
    assert len(client.got) == 2


async def test_what_is_left_of_a_small_body_is_the_servers_business() -> None:
    client = _Client(_PIECE)
    await LingeringClose(_refuse)(_SMALL_POST, client.receive, client.send)
    assert client.pieces == [_PIECE]
    assert (b"connection", b"close") not in client.got[0]["headers"]


async def test_an_answer_that_ends_the_connection_anyway_says_so_once() -> None:
    client = _Client({"type": "http.disconnect"})
    await LingeringClose(_end)(_POST, client.receive, client.send)
    assert client.got[0]["headers"].count((b"connection", b"close")) == 1
