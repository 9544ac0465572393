"""From a state folder to an open connection."""

from __future__ import annotations

from pathlib import Path

from triptych.cli.options import settings_from
from triptych.client.client import Client
from triptych.client.control import ControlConnection
from triptych.errors import NotRunning
from triptych.stack.stack_file import read_stack


def open_gateway(state_dir: Path | None) -> ControlConnection:
    """Connect to the running gateway with the admin key of its state folder.

    Raises:
        NotRunning: nothing runs there, or the key file is gone.
    """
    return ControlConnection(*_url_and_key(state_dir))


def open_client(state_dir: Path | None) -> Client:
    """Connect as an application does, with the same key.

    Raises:
        NotRunning: nothing runs there, or the key file is gone.
    """
    return Client(*_url_and_key(state_dir))


def _url_and_key(state_dir: Path | None) -> tuple[str, str]:
    settings = settings_from(state_dir=state_dir)
    stack = read_stack(settings.state_dir)
    try:
        key = settings.admin_key_file.read_text().strip()
    except OSError as exc:
        raise NotRunning(f"The admin key cannot be read: {exc}") from exc
    return stack.gateway.url, key
