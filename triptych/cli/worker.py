"""triptych worker."""

from __future__ import annotations

import os

import click

from triptych.cli.options import settings_from, stack_options
from triptych.stack.services import worker_service


@click.command(short_help="Drive rollouts, and nothing else.")
@stack_options
def worker(**given: object) -> None:
    """Drive rollouts and keep every Triton in step, as the worker of `up` does.

    Several may run; one of them works, another goes on when it ends.
    """
    service = worker_service(settings_from(**given))
    os.execve(service.command[0], service.command, dict(service.environment))  # noqa: S606 - ours
