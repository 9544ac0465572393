"""Which request targets mean the same to everybody who reads them."""

from __future__ import annotations

import httptools


def speaks_open_inference(path: str) -> bool:
    """Whether a path is one of the Open Inference Protocol."""
    return path == "/v2" or path.startswith("/v2/")


def check_target(target: bytes, host: bytes | None) -> str | None:
    """Say what is wrong with a request's target, or None.

    Args:
        target: As it stands in the request line.
        host: The Host header.
    """
    if b"#" in target:
        return "a request target has no fragment"
    if target.startswith(b"/") or target == b"*":
        return None
    # RFC 9112 3.2.2: a whole URL must be taken; it wins over Host, so the two must not differ.
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        return "the request target is no path"
    if not url.schema or not url.host or not url.path or url.userinfo:
        return "the request target is no path"
    authority = url.host if url.port is None else b"%s:%d" % (url.host, url.port)
    if host is None or host.lower() != authority.lower():
        return "the URL in the request line and the Host header differ"
    return None
