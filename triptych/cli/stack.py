"""triptych up, down."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import click

from triptych.cli.options import (
    arguments_from,
    settings_from,
    stack_options,
    state_dir_option,
)
from triptych.errors import NotRunning
from triptych.stack.background import start_detached, stop_detached
from triptych.stack.launcher import GATEWAY_STOP_SECONDS, running_stack
from triptych.stack.settings import StackSettings
from triptych.stack.stack_file import StackFile
from triptych.stack.stop_signals import leave_on
from triptych.supervisor.status import utc_now

# Beyond each part's own deadline, for the starts and stops of three processes around it.
_SLACK_SECONDS = 30.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@click.command()
@stack_options
@click.option("--detach", is_flag=True, help="Return once a real image got its right answer.")
@click.option("--no-ui", is_flag=True, help="Start without the UI.")
def up(detach: bool, no_ui: bool, **given: object) -> None:
    """Start Triton, the gateway and the UI on this machine."""
    settings = settings_from(**given)
    if detach:
        arguments = arguments_from(**given) + (["--no-ui"] if no_ui else [])
        timeout_seconds = settings.start_timeout_seconds + _SLACK_SECONDS
        _announce(start_detached(arguments, settings.state_dir, timeout_seconds), settings)
        click.echo("Stop it with: triptych down")
        return
    leave_on(*_STOP_SIGNALS, exit_code=0, on_leaving=lambda: click.echo("Stopping"))
    starting = f"Starting; it takes some seconds. Logs are in {settings.log_dir}"
    with running_stack(
        settings, with_ui=not no_ui, on_start=lambda: click.echo(starting), say=_say
    ) as keeper:
        _announce(keeper.stack, settings)
        click.echo("Stop it with Ctrl-C")
        keeper.keep_up()


def _say(sentence: str) -> None:
    """One line; where nobody reads any more (a closed terminal), the stack goes on."""
    with contextlib.suppress(OSError):
        click.echo(f"{utc_now()} {sentence}")


def _announce(stack: StackFile, settings: StackSettings) -> None:
    click.echo("Triptych is up.")
    if stack.ui:
        click.echo(f"  UI         {stack.ui.url}")
    click.echo(f"  Gateway    {stack.gateway.url}  (try {stack.gateway.url}/docs)")
    for triton in stack.tritons:
        http = triton.http or "no HTTP"
        click.echo(f"  Triton     {http}  (gRPC {triton.grpc}, metrics {triton.metrics})")
    click.echo(f"  Admin key  {settings.admin_key_file}")
    click.echo(f"  Logs       {settings.log_dir}")


@click.command()
@state_dir_option
def down(state_dir: Path | None) -> None:
    """Stop the stack of a state folder."""
    settings = settings_from(state_dir=state_dir)
    try:
        stop_detached(
            settings.state_dir, settings.stop_seconds + GATEWAY_STOP_SECONDS + _SLACK_SECONDS
        )
    except NotRunning:
        click.echo(f"Nothing runs for {settings.state_dir}.")
    else:
        click.echo("Triptych is down.")
