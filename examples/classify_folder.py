"""Classify every picture of a folder at full speed: python examples/classify_folder.py FOLDER.

It needs a stack that runs here (`triptych up`) and finds addresses and key in its state folder.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from triptych.client import DirectClient, Prediction
from triptych.errors import TriptychError
from triptych.stack.settings import StackSettings
from triptych.stack.stack_file import read_stack

_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--alias", default="digits", show_default=True, help="Which pipeline to ask.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Of the running stack.")
@click.option("--sticky-key", help="The same key meets the same release during a canary.")
@click.option("--repeat", default=1, show_default=True, help="Go through the folder so often.")
def classify_folder(
    folder: Path, alias: str, state_dir: Path | None, sticky_key: str | None, repeat: int
) -> None:
    """Count the labels of the pictures in FOLDER and in the folders below it."""
    files = sorted(it for it in folder.rglob("*") if it.suffix.lower() in _PICTURES) * repeat
    if not files:
        raise click.UsageError(f"There is no picture in {folder}.")
    try:
        with _connect(alias, state_dir) as client:
            _count(client, files, sticky_key)
    except (TriptychError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc


def _connect(alias: str, state_dir: Path | None) -> DirectClient:
    settings = StackSettings(state_dir=state_dir) if state_dir else StackSettings()
    stack = read_stack(settings.state_dir)
    key = settings.admin_key_file.read_text().strip()
    addresses = [triton.grpc for triton in stack.tritons]
    return DirectClient(stack.gateway.url, key, addresses, alias)


def _count(client: DirectClient, files: list[Path], sticky_key: str | None) -> None:
    labels: Counter[str] = Counter()
    releases: Counter[str] = Counter()
    started = time.monotonic()
    # Lazily: only what is on its way is in memory.
    results = client.classify(_read(files), sticky_key=sticky_key, top_k=1)
    with click.progressbar(results, length=len(files), label="Classifying") as shown:
        for result in shown:
            label = result.label if isinstance(result, Prediction) else f"({result.code})"
            labels[label] += 1
            releases[result.release] += 1
    seconds = time.monotonic() - started
    for label, count in labels.most_common():
        click.echo(f"{count:8}  {label}")
    answered_by = ", ".join(f"{release} ({count})" for release, count in releases.items())
    rate = len(files) / seconds
    click.echo(f"{len(files)} pictures in {seconds:.1f} s, {rate:.0f} per second, by {answered_by}")


def _read(files: list[Path]) -> Iterator[bytes]:
    for file in files:
        yield file.read_bytes()


if __name__ == "__main__":
    classify_folder()
