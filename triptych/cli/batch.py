"""triptych batch FOLDER -o FILE: a job from its items to its results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol, TypedDict, TypeVar, Unpack

import click

from triptych.cli.batch_items import items_of
from triptych.cli.connections import open_client
from triptych.cli.options import state_dir_option
from triptych.cli.result_files import ResultFile, result_file
from triptych.client.client import Client
from triptych.client.jobs import Job, JobState
from triptych.errors import CallFailed, OptionInvalid

Function = TypeVar("Function", bound=Callable[..., Any])

# What a shell says of a command that Ctrl-C ended.
_INTERRUPTED: Final = 130


class Wanted(TypedDict):
    """What the options about a new job give."""

    alias: str
    is_recursive: bool
    pattern: str | None
    top_k: int | None
    webhook: str | None


def _new_job_options(function: Function) -> Function:
    for option in reversed(
        (
            click.option("--alias", default="digits", show_default=True, help="Whom to ask."),
            click.option(
                "--recursive/--no-recursive",
                "is_recursive",
                default=True,
                show_default=True,
                help="Whether folders in the folder count.",
            ),
            click.option(
                "--glob",
                "pattern",
                metavar="PATTERN",
                help="Which files of a folder; the default is pictures, or .txt for texts.",
            ),
            click.option("--top-k", type=click.IntRange(min=1), help="Labels per item."),
            click.option("--webhook", metavar="URL", help="Whom to tell when it has ended."),
        )
    ):
        function = option(function)
    return function


@click.command(short_help="Classify a folder, an archive or texts as one job.")
@click.argument("items", required=False, type=click.Path(exists=True, path_type=Path))
@_new_job_options
@click.option("--output", "-o", metavar="FILE", help="Where results go; - is the terminal.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Default: FILE's.")
@click.option("--detach", is_flag=True, help="Print the job's id and leave.")
@click.option("--resume", metavar="JOB", help="Wait for a job that there is.")
@click.option("--strict", is_flag=True, help="Exit code 1 if any item was refused.")
@state_dir_option
def batch(
    *,
    items: Path | None,
    output: str | None,
    form: str | None,
    detach: bool,
    resume: str | None,
    strict: bool,
    state_dir: Path | None,
    **wanted: Unpack[Wanted],
) -> None:
    """Classify what is in ITEMS as one job, and write its results in order.

    ITEMS: a folder, a .zip, .tar, .tar.gz or .tgz; or texts, .jsonl or .txt, one in each line.
    """
    if (items is None) == (resume is None):
        raise click.UsageError("Give a folder or a file, or --resume JOB.")
    if detach and (resume or output):
        raise OptionInvalid("--detach makes a job and leaves: no --resume, no --output.")
    target = None if detach else result_file(output, form)
    with open_client(state_dir) as client:
        job = (
            client.job(resume, patience_seconds=0)
            if resume
            else _submit(client, items or Path(), wanted)
        )
        if target is None:
            click.echo(job.id)
            return
        job = _finish(client, job, target)
    sys.exit(1 if strict and job.refused else 0)


def _submit(client: Client, given: Path, wanted: Wanted) -> Job:
    alias = wanted["alias"]
    task = client.route(alias).task
    items = items_of(given, task, wanted["pattern"], is_recursive=wanted["is_recursive"])
    with _bar("Sending") as show:
        try:
            return client.submit(
                alias, top_k=wanted["top_k"], webhook=wanted["webhook"], on_sent=show, **items
            )
        except KeyboardInterrupt:
            pass
    click.echo(
        "The gateway gives up a job whose items did not all come; `triptych jobs list` shows it.",
        err=True,
    )
    sys.exit(_INTERRUPTED)


def _finish(client: Client, job: Job, target: ResultFile) -> Job:
    try:
        job = _wait(client, job)
    except KeyboardInterrupt:
        _leave(client, job, target)
    if job.state is not JobState.SUCCEEDED:
        raise CallFailed(
            f"job {job.id} {job.state}: {job.sentence}; `triptych jobs results {job.id}` has what"
            f" was answered, {job.done} of {job.items} items"
        )
    target.fetch(client, job)
    pace = f", {job.per_second:.0f} per second" if job.per_second else ""
    click.echo(f"{job.items} items{pace}, {job.refused} refused{target.told}", err=True)
    return job


def _wait(client: Client, job: Job) -> Job:
    with _bar("Classifying") as show:
        return client.wait(job, on_progress=lambda now: show(now.done, now.items, _note(now)))


def _note(job: Job) -> str:
    left = "" if job.seconds_left is None else f", {job.seconds_left:.0f} s left"
    return f"{job.done} of {job.items}{left}"


class _Show(Protocol):
    """Draws a bar anew."""

    def __call__(self, now: int, whole: int | None, /, note: str = "") -> None:
        """Say how far it is, of how much, and what else there is to say."""


@contextmanager
def _bar(label: str) -> Iterator[_Show]:
    """A bar on stderr, of which both ends may move."""
    with click.progressbar(
        length=1, label=label, file=sys.stderr, show_eta=False, item_show_func=lambda note: note
    ) as bar:

        def show(now: int, whole: int | None, /, note: str = "") -> None:
            bar.length, bar.pos, bar.current_item = max(1, now, whole or 0), now, note
            bar.render_progress()

        yield show


def _leave(client: Client, job: Job, target: ResultFile) -> NoReturn:
    """Ask whether the job is to end, where there is somebody to be asked."""
    if _wants_cancel():
        job = client.cancel(job)
        click.echo(f"Job {job.id} is {job.state}, with {job.done} items answered.", err=True)
    else:
        click.echo(
            f"Job {job.id} goes on. Its results: triptych batch --resume {job.id}"
            f" -o {target.name} --format {target.form}",
            err=True,
        )
    sys.exit(_INTERRUPTED)


def _wants_cancel() -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        return click.confirm("\nCancel the job? What is answered by now stays", err=True)
    except click.Abort:
        return False
