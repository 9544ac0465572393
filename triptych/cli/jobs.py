"""triptych jobs list, show, cancel, results."""

from __future__ import annotations

from pathlib import Path

import click

from triptych.cli import job_texts
from triptych.cli.connections import open_client, open_gateway
from triptych.cli.options import state_dir_option
from triptych.cli.result_files import result_file
from triptych.cli.routes import as_json_option, tell


@click.group()
def jobs() -> None:
    """See jobs, end them, and take their results; `triptych batch` makes them."""


@jobs.command("list")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@state_dir_option
@as_json_option
def list_jobs(limit: int, state_dir: Path | None, as_json: bool) -> None:
    """Show jobs, newest first."""
    with open_gateway(state_dir) as gateway:
        found = gateway.jobs(limit)
    tell(found, job_texts.jobs(found), as_json=as_json)


@jobs.command()
@click.argument("job")
@state_dir_option
@as_json_option
def show(job: str, state_dir: Path | None, as_json: bool) -> None:
    """Show how one job stands."""
    with open_gateway(state_dir) as gateway:
        found = gateway.job(job)
    tell(found, job_texts.job(found), as_json=as_json)


@jobs.command()
@click.argument("job")
@state_dir_option
@as_json_option
def cancel(job: str, state_dir: Path | None, as_json: bool) -> None:
    """End a job; what is answered by now stays, and one that has ended stays as it is."""
    with open_gateway(state_dir) as gateway:
        found = gateway.cancel_job(job)
    tell(found, job_texts.job(found), as_json=as_json)


@jobs.command()
@click.argument("job")
@click.option("--output", "-o", metavar="FILE", default="-", help="Default: the terminal.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Default: FILE's.")
@state_dir_option
def results(job: str, output: str, form: str | None, state_dir: Path | None) -> None:
    """Write what is answered by now, in the order of the items."""
    target = result_file(output, form)
    with open_client(state_dir) as client:
        target.fetch(client, job)
