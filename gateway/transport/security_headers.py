"""What every answer tells a browser not to do with it."""

from __future__ import annotations

from typing import Final

RawHeaders = tuple[tuple[bytes, bytes], ...]

_ALWAYS: Final[RawHeaders] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_NOT_KEPT: Final = (b"cache-control", b"no-store")
_NOTHING: Final = b"default-src 'none'; frame-ancestors 'none'"
# Swagger's page starts itself with a script inside the page, shows SVG as data: and styles itself.
_OF_SWAGGER: Final = (
    b"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)

# Where FastAPI and fastapi_offline put them.
_PAGES: Final = frozenset({"/docs", "/docs/oauth2-redirect"})
_ASSETS: Final = "/static-offline-docs/"

STRICT_HEADERS: Final[RawHeaders] = (
    *_ALWAYS,
    _NOT_KEPT,
    (b"content-security-policy", _NOTHING),
)
_PAGE_HEADERS: Final[RawHeaders] = (
    *_ALWAYS,
    _NOT_KEPT,
    (b"content-security-policy", _OF_SWAGGER),
)
_ASSET_HEADERS: Final[RawHeaders] = (*_ALWAYS, (b"content-security-policy", _NOTHING))
_HSTS: Final[RawHeaders] = ((b"strict-transport-security", b"max-age=31536000"),)


class SecurityHeaders:
    """Chooses by path, from tuples made once.

    Args:
        is_tls: Whether browsers may be told to come back by TLS only.
    """

    def __init__(self, *, is_tls: bool) -> None:
        hsts = _HSTS if is_tls else ()
        self.strict: Final = STRICT_HEADERS + hsts
        self._page: Final = _PAGE_HEADERS + hsts
        self._asset: Final = _ASSET_HEADERS + hsts

    def of(self, path: str) -> RawHeaders:
        """The headers of an answer to a path."""
        if path in _PAGES:
            return self._page
        if path.startswith(_ASSETS):
            return self._asset
        return self.strict
