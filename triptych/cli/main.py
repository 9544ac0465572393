"""The `triptych` command: its groups, and the border where an error becomes a sentence."""

from __future__ import annotations

import sys
from typing import Final

import click
from pydantic import ValidationError

from triptych.cli.export import export_command
from triptych.cli.keys import keys
from triptych.cli.predict import predict
from triptych.cli.releases import releases
from triptych.cli.restart import restart
from triptych.cli.rollout import rollout
from triptych.cli.routes import routes
from triptych.cli.stack import down, status, triton, up
from triptych.cli.worker import worker
from triptych.errors import TriptychError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def triptych() -> None:
    """Serve trained models: raw bytes in, labels out, through one Triton ensemble."""


_COMMANDS: Final = (
    *(up, down, status, restart),
    *(predict, routes, rollout, keys),
    *(export_command, releases),
    *(triton, worker),
)
for command in _COMMANDS:
    triptych.add_command(command)


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
