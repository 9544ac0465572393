"""The live keys in memory: what every request asks, with no database on the way."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.control_plane.api_key import ApiKey
from gateway.control_plane.key_rows import key_of, utc
from gateway.control_plane.tables import ApiKeyRow
from gateway.errors import ExpiredApiKey, UnknownApiKey


@dataclass(frozen=True)
class _Secret:
    """One secret of a key; a rotated key has two of them for a while."""

    digest: str
    key: ApiKey
    until: datetime | None


class KnownKeys:
    """Recognises keys by their keyed hash.

    Args:
        hash_secret: Keys the hashes.
        clock: The time in UTC.
    """

    def __init__(self, hash_secret: str, clock: Callable[[], datetime]) -> None:
        self._hash_secret = hash_secret.encode()
        self._clock = clock
        self._secrets: dict[str, _Secret] = {}

    def digest(self, presented: str) -> str:
        """HMAC-SHA-256 under the hash secret, in hex."""
        return hmac.digest(self._hash_secret, presented.encode(), "sha256").hex()

    def replace(self, live: Iterable[ApiKeyRow]) -> None:
        """Know these keys from now on, and no other."""
        known = {}
        for row in live:
            key = key_of(row)
            known[row.digest] = _Secret(row.digest, key, None)
            if row.old_digest is not None:
                known[row.old_digest] = _Secret(row.old_digest, key, utc(row.old_until))
        self._secrets = known

    def holds(self, file_mark: str) -> bool:
        """Whether a key with that mark is good for anything now."""
        keys = [it.key for it in self._secrets.values()]
        return any(it.file_mark == file_mark and not it.has_expired(self._clock()) for it in keys)

    def recognise(self, presented: str) -> ApiKey:
        """Say whose key this is.

        The look-up goes by keyed hash, so its timing tells nothing about a key that is not known.

        Raises:
            UnknownApiKey: nobody's, or revoked, or rotated out.
            ExpiredApiKey: its time is over.
        """
        digest = self.digest(presented)
        known = self._secrets.get(digest)
        if known is None or not hmac.compare_digest(known.digest, digest):
            raise UnknownApiKey("this API key is not known or was revoked")
        if known.until is not None and self._clock() >= known.until:
            raise UnknownApiKey("this API key was replaced by another one")
        if known.key.expires_at is not None and known.key.has_expired(self._clock()):
            raise ExpiredApiKey(f"this API key expired at {known.key.expires_at.isoformat()}")
        return known.key
