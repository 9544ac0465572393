"""triptych plan."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from triptych.cli.options import settings_from, state_dir_option
from triptych.plans.builder import build_plan
from triptych.plans.plan_key import plan_key, read_profile
from triptych.plans.plan_store import Found, PlanStore
from triptych.plans.target import find_target
from triptych.releases.catalogue import read_catalogue
from triptych.stack.serving_view import check_files
from triptych.stack.settings import StackSettings


@click.command(short_help="Build the TensorRT plan of a release ahead of its first start.")
@click.argument("release")
@click.option("--again", is_flag=True, help="Also where one is there, or was refused.")
@click.option(
    "--model-repository",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the releases. Default model_repository.",
)
@state_dir_option
def plan(
    release: str, *, again: bool, model_repository: Path | None, state_dir: Path | None
) -> None:
    """Build the TensorRT plan of a RELEASE for the GPU of this machine, with trtexec.

    A supervisor does so by itself when it starts; this is for whoever wants the first minutes on
    TensorRT, too. Whether the plan answers as ONNX does is held against golden inputs by the
    supervisor, each time before it serves. Exit code 1 where there is no plan.
    """
    settings = settings_from(model_repository=model_repository, state_dir=state_dir)
    sys.exit(_build(release, settings, again=again))


def _build(name: str, settings: StackSettings, *, again: bool) -> int:
    release = read_catalogue(settings.model_repository).find(name)
    check_files(release)
    read_profile(release)  # what it lacks is told before what the machine lacks
    target = find_target()
    key, store = plan_key(release, target), PlanStore(settings.plans_dir)
    is_there = not again and store.find(key).found is Found.BUILT
    if not is_there:
        click.echo(f"Building for {target.gpu} with TensorRT {target.tensorrt}; {store.log(key)}")
    limit_seconds = settings.plan_build_seconds
    entry = build_plan(store, release, key, target, limit_seconds, is_wanted_anew=again)
    if entry.found is Found.BUILT:
        click.echo(f"{store.folder(key)} {'was there already' if is_there else 'is built'}.")
        return 0
    if entry.found is Found.REFUSED:
        click.echo(f"{name} stays on ONNX: {entry.reason}. --again tries again.", err=True)
    else:
        click.echo("Another plan is being built in this state folder; try again later.", err=True)
    return 1
