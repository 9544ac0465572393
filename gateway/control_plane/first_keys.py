"""The keys that a first start makes: the operator's and the UI's, in files of mode 0600."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.control_plane.keys import KeyStore, Scope
from gateway.control_plane.secret_files import read_secret, write_secret
from gateway.errors import UnknownApiKey

FIRST_KEYS: Final[dict[str, frozenset[Scope]]] = {
    "admin": frozenset({Scope.ADMIN}),
    "ui": frozenset({Scope.PREDICT}),
}


async def ensure_first_keys(store: KeyStore, state_dir: Path) -> None:
    """See that <state>/admin.key and <state>/ui.key hold live keys; make those that do not."""
    await store.refresh()
    for name, scopes in FIRST_KEYS.items():
        file = state_dir / f"{name}.key"
        try:
            store.recognise(read_secret(file) or "")
        except UnknownApiKey:
            _, secret = await store.create(name, scopes)
            write_secret(file, secret)
