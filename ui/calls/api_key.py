"""Where an API key comes from: the page's own file, or the person who signed in."""

from __future__ import annotations

from pathlib import Path

from ui.errors import ApiKeyMissing, ApiKeyUnusable


def read_api_key(key_file: Path | None) -> str:
    """Read the page's own key, without the white space around it; never kept, shown or logged.

    Raises:
        ApiKeyMissing: No file is configured, it cannot be read, or it holds no usable key.
    """
    if key_file is None:
        raise ApiKeyMissing(None)
    try:
        return as_header_value(key_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ApiKeyUnusable) as exc:
        raise ApiKeyMissing(key_file) from exc


def as_header_value(given: str) -> str:
    """Check that a key can travel in a header: one line of ASCII.

    httpx would otherwise raise an error that quotes it.

    Raises:
        ApiKeyUnusable: It cannot.
    """
    key = given.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ApiKeyUnusable("no API key looks like this")
    return key
