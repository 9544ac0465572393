"""triptych releases list, show, verify, diff, prune, load, unload."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from triptych.cli import release_texts
from triptych.cli.connections import open_gateway
from triptych.cli.options import Function, settings_from, state_dir_option
from triptych.cli.routes import reason_option
from triptych.client.control import ControlConnection
from triptych.engines import TENSORRT
from triptych.errors import CallFailed, EnvironmentUnfit, ReleaseNameInvalid
from triptych.export.served_answers import serving_python
from triptych.release import Release
from triptych.releases.catalogue import Catalogue, describe, read_catalogue, summarise
from triptych.releases.difference import compare
from triptych.releases.pruning import Plan, plan_pruning, remove_leftover, remove_release
from triptych.releases.running import loaded_releases
from triptych.releases.verification import Replayed, check_bytes, replay_all
from triptych.routing import ReleaseName

# Of several workers of the gateway, another one may answer the next call.
_ROUTE_SECONDS: Final = 5.0
_as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


def _repository(function: Function) -> Function:
    kind = click.Path(file_okay=False, path_type=Path)
    help_text = "Folder of the releases. Default model_repository."
    return click.option("--model-repository", type=kind, help=help_text)(function)


def _read(model_repository: Path | None) -> Catalogue:
    return read_catalogue(settings_from(model_repository=model_repository).model_repository)


@click.group()
def releases() -> None:
    """List, inspect, verify, compare, remove, load and unload releases."""


@releases.command("list", short_help="List every release, and which are routed.")
@_repository
@_as_json
def list_releases(model_repository: Path | None, as_json: bool) -> None:
    """List every release; "routed" is the one that its name means after a start."""
    catalogue = _read(model_repository)
    summaries = [summarise(release, catalogue.routed()) for release in catalogue.releases]
    if as_json:
        broken = [{"name": str(name), "broken": why} for name, why in catalogue.broken.items()]
        click.echo(json.dumps([*summaries, *broken], indent=2, ensure_ascii=False))
        return
    for line in release_texts.table(summaries):
        click.echo(line)
    for why in catalogue.broken.values():
        click.echo(why)


@releases.command()
@click.argument("release")
@_repository
@_as_json
def show(release: str, model_repository: Path | None, as_json: bool) -> None:
    """Show where a release comes from, what it does and how well."""
    catalogue = _read(model_repository)
    described = describe(catalogue.find(release), catalogue.routed())
    if as_json:
        click.echo(json.dumps(described, indent=2, ensure_ascii=False))
        return
    for line in release_texts.sheet(described):
        click.echo(line)


@releases.command(short_help="Re-hash files and replay golden inputs.")
@click.argument("names", metavar="[RELEASE]...", nargs=-1)
@click.option("--no-replay", is_flag=True, help="Only look at the files; start no Triton.")
@click.option(
    "--here", is_flag=True, hidden=True, help="Start Triton from this Python or not at all."
)
@_repository
def verify(
    names: tuple[str, ...], no_replay: bool, here: bool, model_repository: Path | None
) -> None:
    """Re-hash every file of releases, and replay their golden inputs through a Triton.

    Exit code 1 when anything is not as it was released.
    """
    catalogue = _read(model_repository)
    chosen = [catalogue.find(name) for name in dict.fromkeys(names)] or [*catalogue.releases]
    if not no_replay and not here and (python := _serving_python()) != Path(sys.executable):
        sys.exit(_verify_with(python, names, catalogue.repository))
    problems = {release.name: check_bytes(release) for release in chosen}
    intact = [release for release in chosen if not problems[release.name]]
    replayed = {} if no_replay else replay_all(catalogue.repository, intact)
    for release in chosen:
        answers = replayed.get(release.name)
        problems[release.name] += answers.problems if answers else ()
        _report(release, problems[release.name], answers)
    broken = [] if names else [*catalogue.broken.values()]
    for why in broken:
        click.echo(why)
    sys.exit(1 if broken or any(problems.values()) else 0)


def _serving_python() -> Path:
    try:
        return serving_python()
    except EnvironmentUnfit as exc:
        raise EnvironmentUnfit(
            "Triton, which replays golden inputs, starts from the serving environment only: run "
            "`make setup`, or name its Python in TRIPTYCH_SERVING_PYTHON; with --no-replay only "
            "the files are looked at."
        ) from exc


def _verify_with(python: Path, names: tuple[str, ...], repository: Path) -> int:
    """Run the same command with the Python of another environment, and give its exit code."""
    options = ["--here", "--model-repository", str(repository)]
    command = [str(python), "-m", "triptych", "releases", "verify", *options, *names]
    return subprocess.run(command, check=False).returncode


def _report(release: Release, problems: list[str], answers: Replayed | None) -> None:
    if problems:
        for problem in problems:
            click.echo(f"{release.name}: {problem}")
        return
    count = f"{len(release.artifacts)} artefacts and {len(release.golden)} golden inputs"
    told = f"; {answers.right} of {answers.asked} golden answers" if answers else ""
    click.echo(f"{release.name}: {count} are as released{told}")


@releases.command()
@click.argument("first")
@click.argument("second")
@_repository
@_as_json
def diff(first: str, second: str, model_repository: Path | None, as_json: bool) -> None:
    """Say what changed from the FIRST release to the SECOND."""
    catalogue = _read(model_repository)
    found = compare(catalogue.find(first), catalogue.find(second))
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    for line in release_texts.differences(found):
        click.echo(line)


@releases.command(short_help="Remove old releases that are not in use.")
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many of each name stay besides those in use, the newest ones.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_repository
@state_dir_option
def prune(
    *, keep: int, dry_run: bool, yes: bool, model_repository: Path | None, state_dir: Path | None
) -> None:
    """Remove old releases; what is routed, or loaded in the stack of the state folder, stays."""
    settings = settings_from(model_repository=model_repository, state_dir=state_dir)

    def plan() -> Plan:
        catalogue = read_catalogue(settings.model_repository)
        return plan_pruning(catalogue, keep=keep, loaded=loaded_releases(settings.state_dir))

    shown = plan()
    if not shown:
        click.echo("There is nothing to remove.")
        return
    click.echo("Would be removed:" if dry_run else "To be removed:")
    for line in release_texts.plan_lines(shown):
        click.echo(line)
    if dry_run:
        return
    if not yes:
        click.confirm("Remove them?", abort=True)
    _remove(shown, plan(), settings.model_repository)


def _remove(shown: Plan, now: Plan, repository: Path) -> None:
    """Remove what was shown, without what came into use while somebody thought about it."""
    leftovers = [folder for folder in shown.leftovers if folder in now.leftovers]
    for folder in leftovers:
        remove_leftover(folder)
    removed = [name for name in shown.releases if name in now.releases]
    for name in removed:
        remove_release(repository, name)
    click.echo(f"Removed: {len(removed)} of releases, {len(leftovers)} of leftovers.")


@releases.command(short_help="Load a release into the running stack.")
@click.argument("release")
@click.option("--engine", help="One that its release.json names; also where it is loaded already.")
@reason_option
@state_dir_option
def load(release: str, engine: str | None, reason: str, state_dir: Path | None) -> None:
    """Load a release on every Triton, without a restart and without moving traffic."""
    name = _parsed(release)
    with open_gateway(state_dir) as gateway:
        _tell_order(gateway.load_release(release, reason, engine))
        if engine == TENSORRT:
            click.echo(f"{name} runs on TensorRT once its plan has proven itself: triptych status.")
        else:
            place = f" on {engine}" if engine else ""
            click.echo(f"{name} is loaded{place}, and its golden inputs got their golden answers.")
        arms = _wait_for_arms(gateway, name)
    if arms is None:
        click.echo("It is not promotable, so no route leads to it.")
    elif release in arms:
        click.echo(f"It answers on /v1/predict/{name.alias}")
    else:
        click.echo(f"No traffic moved: {name.alias} still means {', '.join(arms)}.")


@releases.command(short_help="Unload a release from the running stack.")
@click.argument("release")
@reason_option
@state_dir_option
def unload(release: str, reason: str, state_dir: Path | None) -> None:
    """Unload a release that no route names, once nobody has asked it for some seconds."""
    name = _parsed(release)
    with open_gateway(state_dir) as gateway:
        _tell_order(gateway.unload_release(release, reason))
    click.echo(f"{name} is unloaded.")


def _parsed(release: str) -> ReleaseName:
    name = ReleaseName.parse(release)
    if name is None:
        raise ReleaseNameInvalid(f"{release!r} is no release name; one looks like digits_r1.")
    return name


def _tell_order(found: Mapping[str, Any]) -> None:
    """Name the Tritons that will follow only when they are back."""
    for server in found["servers"]:
        if not server["done"]:
            click.echo(f"{server['server']} follows later: {server['reason']}")


def _wait_for_arms(gateway: ControlConnection, name: ReleaseName) -> list[str] | None:
    """Who gets the alias's traffic; None where it means nothing, and will not."""
    deadline = time.monotonic() + _ROUTE_SECONDS
    while (route := gateway.find_route(name.alias)) is None:
        told = {it["release"]: it["promotable"] for it in gateway.releases()}
        if not told.get(str(name)):
            return None
        if time.monotonic() > deadline:
            raise CallFailed(f"The gateway does not know the alias {name.alias!r} yet.")
        time.sleep(0.1)
    return [arm["release"] for arm in route["arms"] if arm["weight"]]
