"""The keys that a first start makes: the operator's and the UI's, in files of mode 0600."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from gateway.control_plane.api_key import ApiKey, KeyTerms, Scope
from gateway.control_plane.keys import KeyStore
from gateway.control_plane.secret_files import (
    read_or_create_secret,
    read_secret,
    remove_scraps,
    write_secret,
)
from gateway.errors import AuthError

logger = logging.getLogger(__name__)

FIRST_KEYS: Final[dict[str, frozenset[Scope]]] = {
    "admin": frozenset({Scope.ADMIN}),
    "ui": frozenset({Scope.PREDICT}),
}
# What migration 0002 writes where it finds a key that the first start of version 0.1 made.
_VERSION_0_1: Final = "version-0.1"


class FirstKeys:
    """Keeps <state>/admin.key and <state>/ui.key in step with the table.

    Args:
        store: Where keys are made.
        state_dir: Where the files lie.
    """

    def __init__(self, store: KeyStore, state_dir: Path) -> None:
        self._store = store
        self._state_dir = state_dir
        # Several gateways with folders of their own may share a table: each mends its own keys.
        self._folder = read_or_create_secret(state_dir / "state-folder.id")

    async def ensure(self, *, is_own_database: bool = True) -> None:
        """See that both files hold live keys; one that does not gets a new key, the old one ends.

        The caller holds the start lock.

        Args:
            is_own_database: Nobody else uses it. Otherwise the folder may be one of many copies, as
                on Kubernetes: a file that is no good while its key lives is then an old copy, and
                to make another key would end the one that all others have.
        """
        remove_scraps(self._state_dir)
        await self._store.refresh()
        for name, scopes in FIRST_KEYS.items():
            file, mark = self._file(name), self._mark(name)
            presented = read_secret(file) or ""
            try:
                await self._store.recognise(presented)
            except AuthError:
                if presented and not is_own_database and self._store.holds(mark):
                    logger.warning(
                        "%s holds no live key, another copy does; see docs/keys.md", file
                    )
                    continue
                terms = KeyTerms(name=name, scopes=scopes)
                _, secret = await self._store.create(
                    terms, file_mark=mark, replaces=(mark, f"{name}@{_VERSION_0_1}")
                )
                write_secret(file, secret)

    def keep_rotated(self, key: ApiKey, secret: str) -> None:
        """Where the rotated key is one of this folder's, its file gets the new secret."""
        for name in FIRST_KEYS:
            if key.file_mark == self._mark(name):
                try:
                    write_secret(self._file(name), secret)
                except OSError:  # the caller still has to be shown what cannot be had again
                    logger.exception("the new secret of the key %s is not in its file", key.id)

    def _mark(self, name: str) -> str:
        return f"{name}@{self._folder}"

    def _file(self, name: str) -> Path:
        return self._state_dir / f"{name}.key"
