"""What a call ends with if not with an answer, by gRPC's own codes.

Source: github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md ("Errors") and doc/http-grpc-status-mapping.md.
"""

from __future__ import annotations

from typing import Final

import grpc

REFUSED_STREAM: Final = 0x7
"""It was not looked at."""
_CODES: Final = {int(code.value[0]): code for code in grpc.StatusCode}
_OF_RESET: Final = {
    REFUSED_STREAM: grpc.StatusCode.UNAVAILABLE,
    0x8: grpc.StatusCode.CANCELLED,
    0xB: grpc.StatusCode.RESOURCE_EXHAUSTED,  # ENHANCE_YOUR_CALM
    0xC: grpc.StatusCode.PERMISSION_DENIED,  # INADEQUATE_SECURITY
}
_OF_HTTP: Final = {
    "400": grpc.StatusCode.INTERNAL,
    "401": grpc.StatusCode.UNAUTHENTICATED,
    "403": grpc.StatusCode.PERMISSION_DENIED,
    "404": grpc.StatusCode.UNIMPLEMENTED,
    "429": grpc.StatusCode.UNAVAILABLE,
    "502": grpc.StatusCode.UNAVAILABLE,
    "503": grpc.StatusCode.UNAVAILABLE,
    "504": grpc.StatusCode.UNAVAILABLE,
}


class CallError(Exception):
    """A call without an answer."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def unavailable(details: str) -> CallError:
    """The server was not reached, or went away."""
    return CallError(grpc.StatusCode.UNAVAILABLE, details)


def code_of_status(status: str) -> grpc.StatusCode:
    """The code of a trailer `grpc-status`; what nobody knows is UNKNOWN."""
    number = int(status) if status.isdecimal() and len(status) < 4 else -1
    return _CODES.get(number, grpc.StatusCode.UNKNOWN)


def code_of_reset(error: int) -> grpc.StatusCode:
    """The code of a RST_STREAM."""
    return _OF_RESET.get(error, grpc.StatusCode.INTERNAL)


def code_of_http(status: str) -> grpc.StatusCode:
    """The code of an answer that is none of gRPC's."""
    return _OF_HTTP.get(status, grpc.StatusCode.UNKNOWN)
