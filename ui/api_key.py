"""The API key: read from its file for each request, and never kept, shown or logged."""

from __future__ import annotations

from pathlib import Path

from ui.errors import ApiKeyMissing


def read_api_key(key_file: Path | None) -> str:
    """Read the key, without the white space around it.

    Raises:
        ApiKeyMissing: No file is configured, it cannot be read, or it holds no usable key.
    """
    if key_file is None:
        raise ApiKeyMissing(None)
    try:
        key = key_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ApiKeyMissing(key_file) from exc
    # A header takes one line of ASCII; httpx would otherwise raise an error that quotes the key.
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ApiKeyMissing(key_file)
    return key
