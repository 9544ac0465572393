"""Secrets in files: made at random, written whole, readable by the owner alone."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import Final

from gateway.errors import StartRefused

# What group and others may do with a secret: nothing.
_OF_OTHERS: Final = 0o077
# What is being written has a name like .admin.key.0a1b2c3d, for a moment.
_SCRAP: Final = re.compile(r"\.+[a-z-]+\.(key|secret|id)(\.[0-9a-f]{8})+")
_SCRAP_SECONDS: Final = 60.0


def write_secret(file: Path, secret: str) -> None:
    """Write a secret so that no other user can read it at any moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secret + "\n")
        stream.flush()
        os.fsync(stream.fileno())  # a crash of the machine must not leave an empty one in its place
    scratch.replace(file)


def read_secret(file: Path) -> str | None:
    """Read a secret, or None where there is none yet. Latin-1, because it takes any bytes.

    Raises:
        StartRefused: other users of this machine may have read it already.
    """
    try:
        with file.open(encoding="latin-1") as stream:
            if os.fstat(stream.fileno()).st_mode & _OF_OTHERS:
                raise StartRefused(
                    f"{file} is open to other users; make a new secret, or: chmod 600 {file}"
                )
            return stream.read().strip() or None
    except FileNotFoundError:
        return None


def remove_scraps(folder: Path, older_than_seconds: float = _SCRAP_SECONDS) -> None:
    """Remove what a process that was killed while it wrote a secret has left beside it."""
    for scrap in folder.glob(".*"):
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - scrap.stat().st_mtime
            if _SCRAP.fullmatch(scrap.name) and age > older_than_seconds:
                scrap.unlink()


def read_or_create_secret(file: Path) -> str:
    """Read a secret; the first caller makes it, 256 random bits, and callers at once share it."""
    existing = read_secret(file)
    if existing:
        return existing
    mine = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    write_secret(mine, secrets.token_urlsafe(32))
    try:
        os.link(mine, file)  # unlike a rename it fails when somebody was first
    except FileExistsError:
        if read_secret(file) is None:  # empty, so nobody's
            mine.replace(file)
    mine.unlink(missing_ok=True)
    return read_or_create_secret(file)
