"""triptych tune RELEASE --p99-ms X: better numbers for its configuration, as a new release."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import click

from triptych.cli.options import settings_from, state_dir_option
from triptych.cli.route_texts import table
from triptych.errors import OptionInvalid
from triptych.releases.catalogue import read_catalogue
from triptych.stack.stop_signals import leave_on
from triptych.tuning.closed_loop import Load
from triptych.tuning.journal import Journal
from triptych.tuning.knobs import Setting
from triptych.tuning.tune import Figures, Tuned, TuneRequest, tune, write

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("tune", short_help="Find faster settings for a release, under a bound on latency.")
@click.argument("release")
@click.option("--p99-ms", type=click.FloatRange(0, min_open=True), required=True, help="The bound.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=10, show_default=True)
@click.option(
    "--inputs", type=_FOLDER, help="Images or .txt files to ask with; default golden ones."
)
@click.option("--only", multiple=True, metavar="KNOB", help="Turn only these; default all.")
@click.option("--dry-run", is_flag=True, help="Write no release.")
@click.option("--anew", is_flag=True, help="Forget the trials of an earlier run.")
@click.option("--model-repository", type=click.Path(file_okay=False, path_type=Path))
@state_dir_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def tune_command(
    *,
    release: str,
    p99_ms: float,
    minutes: float,
    inputs: Path | None,
    only: tuple[str, ...],
    dry_run: bool,
    anew: bool,
    model_repository: Path | None,
    state_dir: Path | None,
    as_json: bool,
) -> None:
    """Try settings of RELEASE on this machine and write the best as a new release.

    Nothing else should run meanwhile. A run that was broken off goes on where it stood.
    """
    leave_on(signal.SIGTERM)
    settings = settings_from(model_repository=model_repository, state_dir=state_dir)
    found = read_catalogue(settings.model_repository).find(release)
    items, folder = _read_inputs(inputs), settings.state_dir / "tuning"
    journal = Journal(folder, found, p99_ms, items, anew=anew)
    request = TuneRequest(found, p99_ms, minutes, journal, items, only)
    tuned = _tune(request, is_silent=as_json)
    written = str(write(request, tuned)) if tuned.is_better and not dry_run else None
    report = json.dumps({**tuned.report(p99_ms), "written": written}, indent=2)
    click.echo(report if as_json else "\n".join(_told(tuned, p99_ms, written, is_dry=dry_run)))


def _read_inputs(folder: Path | None) -> list[bytes]:
    if folder is None:
        return []
    found = [file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()]
    if not found:
        raise OptionInvalid(f"there is no file in {folder}")
    return found


def _tune(request: TuneRequest, *, is_silent: bool) -> Tuned:
    if is_silent:
        return tune(request, lambda _setting, _level: None)
    began = time.monotonic()
    total = round(60 * request.minutes)
    with click.progressbar(length=total, label=f"Tuning {request.release.name}") as bar:

        def on_level(turned: Setting, level: Load) -> None:
            rate = f"{level.concurrency} at once: {level.per_second:.0f}/s"
            bar.label = f"{_short(turned) or 'as it is'}, {rate}"
            bar.update(max(0, min(total, round(time.monotonic() - began)) - bar.pos))

        tuned = tune(request, on_level)
        bar.update(total - bar.pos)
    return tuned


def _short(setting: Setting) -> str:
    return " ".join(f"{name}={value}" for name, value in setting.items())


def _told(tuned: Tuned, p99_ms: float, written: str | None, *, is_dry: bool) -> Iterator[str]:
    yield from table([_HEAD, _row("before", tuned.before), _row("after", tuned.after)])
    yield from table(
        [
            ("SETTING", "BEFORE", "AFTER"),
            *((name, str(now), str(tuned.setting[name])) for name, now in tuned.start.items()),
        ]
    )
    end = (
        "the search is complete" if tuned.is_complete else "the time was up; run it again to go on"
    )
    yield f"{tuned.trials} trials; {end}."
    if tuned.after is None:
        yield f"No setting kept p99 under {p99_ms:g} ms."
    elif tuned.setting == tuned.start:
        yield "The release is set best as it is."
    elif written:
        yield f"Written as {written}; `triptych releases load {written}` serves it, too."
    elif is_dry:
        yield "Not written (--dry-run)."


_HEAD = ("", "PER SECOND", "AT ONCE", "P50 MS", "P99 MS", "CPU MS", "TRIALS")


def _row(name: str, figures: Figures | None) -> tuple[str, ...]:
    if figures is None:
        return (name, *("-" for _ in _HEAD[1:]))

    rates = (figures.per_second, figures.concurrency)
    times = (figures.p50_ms, figures.p99_ms, figures.cpu_ms)
    return (name, *(f"{cell:g}" for cell in (*rates, *times, figures.trials)))
