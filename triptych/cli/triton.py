"""triptych triton."""

from __future__ import annotations

import click

from triptych.cli.options import settings_from, triton_options
from triptych.supervisor.main import run_supervisor


@click.command(short_help="Run one supervised Triton and nothing else.")
@triton_options
def triton(**given: object) -> None:
    """Run one supervised Triton and nothing else; the entry point of the Triton container."""
    run_supervisor(settings_from(**given))
