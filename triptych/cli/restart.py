"""triptych restart triton, gateway, ui."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from triptych.cli.options import settings_from, state_dir_option
from triptych.errors import OptionInvalid
from triptych.stack.restarts import restart_gateway, restart_tritons, restart_ui
from triptych.stack.services import supervisor_headers
from triptych.stack.stack_file import read_stack

# A worker may finish what is in flight (GATEWAY_SHUTDOWN_SECONDS) once its successor serves.
_GATEWAY_SECONDS: Final = 90.0


@click.group()
def restart() -> None:
    """End one part of a running stack and wait until it is back."""


@restart.command(short_help="Restart all Tritons, one after the other.")
@state_dir_option
@click.option("--only", type=click.IntRange(min=0), help="Restart this one alone; the first is 0.")
def triton(state_dir: Path | None, only: int | None) -> None:
    """Restart all Tritons, one after the other; with two or more no request is lost."""
    settings = settings_from(state_dir=state_dir)
    stack = read_stack(settings.state_dir)
    if only is not None and only >= len(stack.tritons):
        raise OptionInvalid(f"--only {only}: there are {len(stack.tritons)} Tritons, from 0 on.")
    places = range(len(stack.tritons)) if only is None else [only]
    patience_seconds = settings.start_timeout_seconds + settings.stop_seconds
    restart_tritons(stack, places, click.echo, patience_seconds, supervisor_headers(settings))


@restart.command(short_help="Replace the gateway's workers; no request is lost.")
@state_dir_option
def gateway(state_dir: Path | None) -> None:
    """Replace the gateway's workers: each old one finishes once a new one serves."""
    stack = read_stack(settings_from(state_dir=state_dir).state_dir)
    restart_gateway(stack, click.echo, _GATEWAY_SECONDS)


@restart.command(short_help="Restart the UI.")
@state_dir_option
def ui(state_dir: Path | None) -> None:
    """Restart the UI; pages that are open connect again."""
    settings = settings_from(state_dir=state_dir)
    stack = read_stack(settings.state_dir)
    restart_ui(settings.state_dir, stack, click.echo, settings.start_timeout_seconds)
