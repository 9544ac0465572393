"""The sockets that a gateway listens on: bound once, and handed to each worker."""

from __future__ import annotations

import socket
from typing import Final

from gateway.errors import StartRefused

_BACKLOG: Final = 2048


def listen(host: str, port: int, variable: str) -> list[socket.socket]:
    """Listen on every address that a name means.

    Args:
        host: A name or an address.
        port: The port.
        variable: What to change where it is taken, for the sentence.

    Raises:
        StartRefused: there is no such address here, or the port is taken.
    """
    listeners: list[socket.socket] = []
    try:
        for family, _, _, _, address in _addresses(host, port):
            # The protocol is named because small answers go out at once (TCP_NODELAY) only then.
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
    except OSError as exc:
        for listener in listeners:
            listener.close()
        where = f"{host}:{port}"
        raise StartRefused(f"cannot listen on {where} ({exc.strerror}); set {variable}") from exc
    return listeners


def _addresses(host: str, port: int) -> list[tuple[int, int, int, str, tuple[str | int, ...]]]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [*dict.fromkeys((*it[:4], tuple(it[4])) for it in found)]


def inherited(descriptors: str) -> list[socket.socket]:
    """Take over what the parent listens on, from a comma separated list of descriptors."""
    return [socket.socket(fileno=int(number)) for number in descriptors.split(",") if number]
