"""The `triptych` command: its groups, and the border where an error becomes a sentence."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import click
from pydantic import ValidationError

from triptych.errors import TriptychError
from triptych.stack.settings import SecretUnreadable

# Where each command is: its module is imported when it is asked for, so that `up` and what it
# starts need not load what exporting or tuning needs.
_COMMANDS: Final = {
    "up": "triptych.cli.stack:up",
    "down": "triptych.cli.stack:down",
    "status": "triptych.cli.status:status",
    "restart": "triptych.cli.restart:restart",
    "predict": "triptych.cli.predict:predict",
    "batch": "triptych.cli.batch:batch",
    "jobs": "triptych.cli.jobs:jobs",
    "routes": "triptych.cli.routes:routes",
    "rollout": "triptych.cli.rollout:rollout",
    "keys": "triptych.cli.keys:keys",
    "drain": "triptych.cli.drain:drain",
    "export": "triptych.cli.export:export_command",
    "releases": "triptych.cli.releases:releases",
    "tune": "triptych.cli.tune:tune_command",
    "plan": "triptych.cli.plan:plan",
    "triton": "triptych.cli.triton:triton",
    "worker": "triptych.cli.worker:worker",
}


class CommandsByName(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All of them, in the order of the alphabet."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """One of them, or None."""
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=CommandsByName, context_settings={"help_option_names": ["-h", "--help"]})
def triptych() -> None:
    """Serve trained models: raw bytes in, labels out, through one Triton ensemble."""


def main() -> None:
    """Run the command; what we raise on purpose is printed as one sentence, exit code 1."""
    try:
        triptych.main(prog_name="triptych")
    except (TriptychError, OSError) as exc:
        click.echo(f"Error: {exc}", err=True)
        sys.exit(1)
    except ValidationError as exc:
        first = exc.errors()[0]
        click.echo(f"Error: setting {'.'.join(map(str, first['loc']))}: {first['msg']}", err=True)
        sys.exit(1)
    except SecretUnreadable as exc:
        click.echo(f"Error: {exc}: {type(exc.__cause__).__name__}", err=True)
        sys.exit(1)
