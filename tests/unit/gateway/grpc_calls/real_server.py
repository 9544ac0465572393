"""A real gRPC server, of the library's own making, with a few methods to try a client on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from triptych.client import TritonTls

ECHO: Final = "/tried.Service/Echo"
REFUSE: Final = "/tried.Service/Refuse"
WAIT: Final = "/tried.Service/Wait"
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
)


@dataclass
class RealServer:
    """What it will do, and what came."""

    address: str
    refusal: tuple[grpc.StatusCode, str] = (grpc.StatusCode.INTERNAL, "")
    metadata: list[dict[str, str]] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)
    ended_early: threading.Event = field(default_factory=threading.Event)

    def echo(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self.metadata.append({name: str(value) for name, value in context.invocation_metadata()})
        return message

    def refuse(self, _message: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(*self.refusal)

    def wait(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        context.add_callback(self.ended_early.set)
        self.begun.set()
        self.may_answer.wait()
        return message


@contextmanager
def running_server(
    port: int = 0, *, most_calls: int | None = None, tls: TritonTls | None = None
) -> Iterator[RealServer]:
    """Serve on loopback until the end of the block; with `tls` for who shows a certificate."""
    more = (("grpc.max_concurrent_streams", most_calls),) if most_calls else ()
    server = grpc.server(ThreadPoolExecutor(16), options=(*_OPTIONS, *more))
    found = RealServer(f"127.0.0.1:{_listen(server, f'127.0.0.1:{port}', tls)}")
    methods: dict[str, Any] = {"Echo": found.echo, "Refuse": found.refuse, "Wait": found.wait}
    handlers = {name: grpc.unary_unary_rpc_method_handler(it) for name, it in methods.items()}
    handler = grpc.method_handlers_generic_handler("tried.Service", handlers)
    server.add_generic_rpc_handlers((handler,))
    server.start()
    try:
        yield found
    finally:
        found.may_answer.set()
        server.stop(grace=None).wait()


def _listen(server: grpc.Server, address: str, tls: TritonTls | None) -> int:
    if tls is None:
        return server.add_insecure_port(address)
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    credentials = grpc.ssl_server_credentials([pair], tls.ca_file.read_bytes(), True)
    return server.add_secure_port(address, credentials)
