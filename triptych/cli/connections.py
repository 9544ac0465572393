"""From a state folder to an open connection."""

from __future__ import annotations

from pathlib import Path

from triptych.cli.options import settings_from
from triptych.client.control import ControlConnection
from triptych.errors import NotRunning
from triptych.stack.stack_file import read_stack


def open_gateway(state_dir: Path | None) -> ControlConnection:
    """Connect to the running gateway with the admin key of its state folder.

    Raises:
        NotRunning: nothing runs there, or the key file is gone.
    """
    settings = settings_from(state_dir=state_dir)
    stack = read_stack(settings.state_dir)
    try:
        key = settings.admin_key_file.read_text().strip()
    except OSError as exc:
        raise NotRunning(f"The admin key cannot be read: {exc}") from exc
    return ControlConnection(stack.gateway.url, key)
