"""triptych up, down, status, triton."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path

import click

from triptych.cli.options import (
    arguments_from,
    settings_from,
    stack_options,
    state_dir_option,
    triton_options,
)
from triptych.errors import NotRunning
from triptych.stack.background import start_detached, stop_detached
from triptych.stack.launcher import GATEWAY_STOP_SECONDS, running_stack
from triptych.stack.settings import StackSettings
from triptych.stack.stack_file import StackFile
from triptych.stack.stack_status import read_status
from triptych.stack.stop_signals import leave_on
from triptych.supervisor.main import run_supervisor
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
        click.echo(f"  Triton     {triton.http}  (gRPC {triton.grpc}, metrics {triton.metrics})")
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


@click.command(short_help="Say what runs and whether it answers.")
@state_dir_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(state_dir: Path | None, as_json: bool) -> None:
    """Say what runs and whether it answers; exit code 1 when anything is not ready."""
    found = read_status(settings_from(state_dir=state_dir).state_dir)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        for part in found.parts:
            since = f" since {part.since}" if part.since else ""
            state = "ready" if part.is_ready else f"NOT READY{since}: {part.reason}"
            again = f"  (restarts: {part.restarts})" if part.restarts else ""
            click.echo(f"{part.name:<10} {state:<8} {part.url}{again}".rstrip())
        for name, release in found.releases.items():
            canary = f"last canary {release['last_canary']}, {release['canary_ms']} ms"
            click.echo(f"{name:<10} {release['state']:<8} {canary}")
    sys.exit(0 if found.is_ready else 1)


@click.command(short_help="Run one supervised Triton and nothing else.")
@triton_options
def triton(**given: object) -> None:
    """Run one supervised Triton and nothing else; the entry point of the Triton container."""
    run_supervisor(settings_from(**given))
