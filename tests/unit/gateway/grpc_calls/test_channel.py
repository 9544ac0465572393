"""Our calls against a real gRPC server: what comes back, and what happens when it goes away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from gateway.data_plane.grpc_calls.call_errors import CallError
from gateway.data_plane.grpc_calls.channel import GrpcChannel
from tests.unit.gateway.grpc_calls.real_server import ECHO, REFUSE, WAIT, running_server

LONG_SECONDS = 60.0


@asynccontextmanager
async def channel_to(
    address: str, hung_seconds: float = LONG_SECONDS
) -> AsyncIterator[GrpcChannel]:
    channel = GrpcChannel(address, hung_seconds=hung_seconds)
    try:
        yield channel
    finally:
        await channel.close(grace_seconds=0)


@pytest.mark.parametrize("size_bytes", [0, 1, 70_000, 5_000_000])
async def test_a_message_of_any_size_goes_there_and_comes_back(size_bytes: int) -> None:
    message = bytes(place % 251 for place in range(1000)) * (size_bytes // 1000 + 1)
    message = message[:size_bytes]
    with running_server() as server:
        async with channel_to(server.address) as channel:
            assert await channel.call(ECHO, message) == message


async def test_many_calls_at_once_get_each_its_own_answer() -> None:
    messages = [bytes([number]) * (number * 3000 + 1) for number in range(64)]
    with running_server() as server:
        async with channel_to(server.address) as channel:
            answers = await asyncio.gather(*(channel.call(ECHO, it) for it in messages))
    assert answers == messages


async def test_more_calls_than_the_server_takes_at_once_wait_for_their_turn() -> None:
    messages = [bytes([number]) * 100 for number in range(20)]
    with running_server(most_calls=2) as server:
        async with channel_to(server.address) as channel:
            await channel.call(ECHO, b"so that the server's settings are known")
            answers = await asyncio.gather(*(channel.call(ECHO, it) for it in messages))
    assert answers == messages


async def test_a_traceparent_goes_along_with_the_one_call_that_has_it() -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    with running_server() as server:
        async with channel_to(server.address) as channel:
            await channel.call(ECHO, b"", traceparent)
            await channel.call(ECHO, b"")
    assert [it.get("traceparent") for it in server.metadata] == [traceparent, None]


@pytest.mark.parametrize("code", [it for it in grpc.StatusCode if it is not grpc.StatusCode.OK])
async def test_a_refusal_has_the_servers_code_and_text(code: grpc.StatusCode) -> None:
    text = f"100 % {code.name}: café\n"
    with running_server() as server:
        server.refusal = (code, text)
        async with channel_to(server.address) as channel:
            with pytest.raises(CallError) as caught:
                await channel.call(REFUSE, b"")
            assert await channel.call(ECHO, b"next") == b"next"
    assert (caught.value.code, caught.value.details) == (code, text)


async def test_a_method_that_nobody_has_is_unimplemented() -> None:
    with running_server() as server:
        async with channel_to(server.address) as channel:
            with pytest.raises(CallError) as caught:
                await channel.call("/tried.Service/Nothing", b"")
    assert caught.value.code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_server_that_is_not_there_is_unavailable_and_is_found_when_it_comes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with channel_to(f"127.0.0.1:{port}") as channel:
        assert channel.is_reachable()  # nobody has tried yet
        with pytest.raises(CallError) as caught:
            await channel.call(ECHO, b"")
        assert caught.value.code is grpc.StatusCode.UNAVAILABLE
        assert not channel.is_reachable()
        with running_server(port):
            async with asyncio.timeout(10):
                while not channel.is_reachable():  # noqa: ASYNC110 - it is what the gateway asks
                    await asyncio.sleep(0.01)
            assert await channel.call(ECHO, b"back") == b"back"


async def test_calls_on_a_connection_that_is_lost_are_unavailable_and_the_next_is_answered() -> (
    None
):
    with running_server() as server:
        async with channel_to(server.address) as channel:
            waiting = asyncio.create_task(channel.call(WAIT, b""))
            await channel.call(ECHO, b"it is on its way")
            (connection,) = channel._connections()
            connection.close()
            with pytest.raises(CallError) as caught:
                await waiting
            assert caught.value.code is grpc.StatusCode.UNAVAILABLE
            assert await channel.call(ECHO, b"again") == b"again"


async def test_the_kernel_asks_whether_the_other_end_of_an_idle_connection_lives() -> None:
    with running_server() as server:
        async with channel_to(server.address) as channel:
            await channel.call(ECHO, b"")
            (connection,) = channel._connections()
            assert connection._transport is not None
            found = connection._transport.get_extra_info("socket")
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            options = [getattr(socket, it) for it in names]
            told = [found.getsockopt(socket.IPPROTO_TCP, it) for it in options]
            assert told == [60, 10, 3, 20_000]


async def test_who_stops_waiting_does_not_end_the_call_on_the_server() -> None:
    with running_server() as server:
        async with channel_to(server.address) as channel:
            waiting = asyncio.create_task(channel.call(WAIT, b""))
            await channel.call(ECHO, b"it is on its way")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await channel.call(ECHO, b"whatever was to be said has been said")
            assert not server.ended_early.is_set()
            server.may_answer.set()
            assert await channel.call(ECHO, b"next") == b"next"


async def test_a_call_without_an_answer_is_given_up_and_its_server_told_so() -> None:
    with running_server() as server:
        async with channel_to(server.address, hung_seconds=0.2) as channel:
            with pytest.raises(CallError) as caught:
                await channel.call(WAIT, b"")
            assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
            assert await asyncio.to_thread(server.ended_early.wait, 10)
            assert await channel.call(ECHO, b"next") == b"next"


async def test_a_server_that_says_nothing_keeps_its_caller_waiting_until_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        channel = GrpcChannel(f"127.0.0.1:{silent.getsockname()[1]}", hung_seconds=LONG_SECONDS)
        waiting = asyncio.create_task(channel.call(ECHO, b""))
        accepted, _ = await asyncio.to_thread(silent.accept)
        await channel.close(grace_seconds=10)
        for call in (waiting, channel.call(ECHO, b"later")):
            with pytest.raises(CallError) as caught:
                await call
            assert caught.value.code is grpc.StatusCode.UNAVAILABLE
        accepted.close()


async def test_closing_waits_for_calls_on_their_way() -> None:
    with running_server() as server:
        async with channel_to(server.address) as channel:
            waiting = asyncio.create_task(channel.call(WAIT, b"late"))
            await channel.call(ECHO, b"it is on its way")
            closing = asyncio.create_task(channel.close(grace_seconds=10))
            server.may_answer.set()
            assert await waiting == b"late"
            await closing


async def test_closing_waits_for_calls_that_nobody_waits_for_any_more() -> None:
    with running_server() as server:
        channel = GrpcChannel(server.address, hung_seconds=LONG_SECONDS)
        waiting = asyncio.create_task(channel.call(WAIT, b"late"))
        await channel.call(ECHO, b"it is on its way")
        assert await asyncio.to_thread(server.begun.wait, 10)
        waiting.cancel()
        closing = asyncio.create_task(channel.close(grace_seconds=10))
        ended, _ = await asyncio.wait([closing], timeout=0.2)
        assert not ended
        assert not server.ended_early.is_set()
        server.may_answer.set()
        await closing


async def test_who_asks_a_channel_that_is_closed_at_once_is_not_left_waiting() -> None:
    channel = GrpcChannel("127.0.0.1:1", hung_seconds=LONG_SECONDS)
    calling = asyncio.create_task(channel.call(ECHO, b""))
    await asyncio.sleep(0)  # it has ordered a connection, and nobody has begun to make it
    await channel.close(grace_seconds=0)
    async with asyncio.timeout(10):
        with pytest.raises(CallError) as caught:
            await calling
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


async def test_a_long_refusal_is_read_and_leaves_its_neighbours_alone() -> None:
    with running_server() as server:
        server.refusal = (grpc.StatusCode.INTERNAL, "x" * 20_000)
        async with channel_to(server.address) as channel:
            waiting = asyncio.create_task(channel.call(WAIT, b"neighbour"))
            with pytest.raises(CallError) as caught:
                await channel.call(REFUSE, b"")
            server.may_answer.set()
            assert await waiting == b"neighbour"
    assert caught.value.details == "x" * 20_000
