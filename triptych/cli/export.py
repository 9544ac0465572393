"""triptych export SOURCE --name NAME: a checkpoint becomes a release."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import yaml

from triptych.cli.options import settings_from
from triptych.engines import ENGINES
from triptych.errors import OptionInvalid
from triptych.export.exporter import Exported, ExportRequest, export
from triptych.export.image_options import FIELDS
from triptych.export.loaded_model import SourceOptions
from triptych.export.parity import Difference
from triptych.export.parity_markdown import engine_sentence
from triptych.export.source import FORMS, TASKS
from triptych.stack.stop_signals import leave_on

# Told apart from 1, "it could not be done": here the release is written, but not promotable.
NOT_PROMOTABLE: Final = 3
Element = TypeVar("Element")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class TerminalProgress:
    """Says on the terminal what the exporter does."""

    def step(self, sentence: str) -> None:
        """A new step begins."""
        click.echo(f"{sentence} ...")

    def bar(self, items: list[Element], label: str) -> AbstractContextManager[Iterable[Element]]:
        """Go through items with a bar."""
        return click.progressbar(items, label=label)


_TRANSFORM_HELP: Final = {
    "size": "Input of the network: 224, or height x width as 192x256.",
    "resize": "stretch (default), none, 256 (shortest edge, then the middle), or 256x256.",
    "filter": "bilinear (default), bicubic, nearest, lanczos, box, hamming.",
    "rescale": "What each pixel is multiplied with first; default 1/255.",
    "mean": "One number, or one per channel: 0.485,0.456,0.406.",
    "std": "One number, or one per channel.",
    "channels": "rgb (default), bgr, gray.",
    "layout": "nchw or nhwc; the default is the framework's.",
}
_TRANSFORM_OPTIONS: Final = tuple(
    click.option(f"--{field}", f"transform_{field}", help=_TRANSFORM_HELP[field])
    for field in FIELDS
)
_OPTIONS: Final = (
    click.option("--name", required=True, help="Of the pipeline; it becomes the alias."),
    click.option("--number", type=click.IntRange(1), help="Release number; default the next."),
    click.option("--semver", help="What people call this version, 1.4.0; release.json keeps it."),
    click.option("--model-repository", type=click.Path(file_okay=False, path_type=Path)),
    click.option("--task", type=click.Choice(TASKS), help="Default: what the checkpoint says."),
    click.option("--labels", type=_FILE, help="One label per line."),
    click.option("--topics", type=_FILE, help="Zero-shot: a 'label: description' on each line."),
    click.option("--weights", type=_FILE, help="State dict for torch:, .safetensors or .pt."),
    click.option("--transform", type=_FILE, help="YAML with the fields from --size to --layout."),
    *_TRANSFORM_OPTIONS,
    click.option("--max-tokens", type=click.IntRange(2), help="Length of texts; default 128."),
    click.option("--top-k", type=click.IntRange(1), help="Labels per answer; default up to 10."),
    click.option("--max-batch-size", type=click.IntRange(1, 1024), default=32, show_default=True),
    click.option("--golden", type=_FOLDER, help="Own images, or .txt files, for the parity gate."),
    click.option("--precision", type=click.Choice(list(ENGINES)), default="fp32"),
    click.option(
        "--engine",
        type=click.Choice(ENGINES["fp32"]),
        help="What runs it after a start; default openvino.",
    ),
    click.option("--calibration", type=_FOLDER, help="Typical inputs, for int8."),
    click.option(
        "--metrics", type=_FILE, help="JSON with what you measured; release.json keeps it."
    ),
    click.option(
        "--tolerance-top-1",
        type=click.FloatRange(0, 1),
        help="Default 1, bf16 0.99, int8 0.98.",
    ),
    click.option(
        "--tolerance-score",
        type=click.FloatRange(0),
        help="Default 0.02 for images, 0.001 else, bf16 0.05, int8 any.",
    ),
    click.option("--untrained", "is_untrained", is_flag=True, help="The weights are random."),
    click.option("--force", "is_forced", is_flag=True, help="Promotable even if the gate fails."),
    click.option("--dry-run", "is_dry_run", is_flag=True, help="Do everything, write nothing."),
)


def _with_options(command: Any) -> Any:  # noqa: ANN401 - whatever click decorates
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("export", epilog=f"SOURCE is one of: {FORMS}.")
@click.argument("source")
@_with_options
def export_command(source: str, model_repository: Path | None, **given: Any) -> None:  # noqa: ANN401 - click
    """Turn a trained model into a release.

    Converts it, holds the served pipeline against the source, and writes it. Exit code 3: written,
    but not promotable, because the parity gate did not pass.
    """
    leave_on(signal.SIGTERM)
    options = _source_options(given)
    given["metrics"] = _read_metrics(given["metrics"])
    repository = settings_from(model_repository=model_repository).model_repository
    started = time.monotonic()
    request = ExportRequest(source=source, model_repository=repository, options=options, **given)
    exported = export(request, TerminalProgress())
    _print_summary(exported, time.monotonic() - started)
    sys.exit(0 if exported.promotable else NOT_PROMOTABLE)


def _source_options(given: dict[str, Any]) -> SourceOptions:
    """Take what belongs to the source out of the options."""
    transform = _read_transform(given.pop("transform"))
    fields = {field: given.pop(f"transform_{field}") for field in FIELDS}
    labels, topics = given.pop("labels"), given.pop("topics")
    return SourceOptions(
        task=given.pop("task"),
        labels=None if labels is None else tuple(_lines(labels)),
        topics={} if topics is None else _read_topics(topics),
        weights=given.pop("weights"),
        transform=transform | {key: value for key, value in fields.items() if value is not None},
        max_tokens=given.pop("max_tokens"),
    )


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as exc:
        raise OptionInvalid(f"{file} is not UTF-8.") from exc


def _read_topics(file: Path) -> dict[str, str]:
    pairs = [line.partition(":") for line in _lines(file)]
    topics = {label.strip(): text.strip() or label.strip() for label, _, text in pairs}
    if len(topics) != len(pairs):
        raise OptionInvalid(f"{file} names a topic twice.")
    return topics


def _read_transform(file: Path | None) -> dict[str, object]:
    if file is None:
        return {}
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise OptionInvalid(f"{file} is not YAML: {' '.join(str(exc).split())}") from exc
    if not isinstance(content, dict):
        raise OptionInvalid(f"{file} holds no fields; write for example: size: 224")
    return {str(key): value for key, value in content.items()}


def _read_metrics(file: Path | None) -> dict[str, object]:
    if file is None:
        return {}
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError as exc:
        raise OptionInvalid(f"{file} is not JSON: {exc}") from exc
    if not isinstance(content, dict):
        raise OptionInvalid(f"{file} holds no JSON object.")
    return content


def _print_summary(exported: Exported, seconds: float) -> None:
    draft, report = exported.draft, exported.report
    rows = [
        ("release", f"{draft.release} ({draft.preprocess.task}, {draft.precision})"),
        ("source", ", ".join(value for key, value in draft.source.items() if key != "topics")),
        ("model", f"{len(draft.onnx_model) / 1e6:.1f} MB of ONNX, {report.classes} classes"),
        ("top-1", f"{report.top_1_agreement:.2%} of {report.inputs} golden inputs agree"),
        ("top-5", f"{report.top_5_overlap:.2%} overlap"),
        ("scores", _both(report.scores)),
        ("features", f"{_both(report.features)} (pixels 0 to 255, or token ids)"),
        ("engine", draft.engine),
        *(
            (f"or {name}", engine_sentence(verdict))
            for name, verdict in exported.engines.items()
            if name != draft.engine
        ),
        ("took", f"{seconds:.1f} s"),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"  {name:<{width}}  {value}")
    for sentence in report.failures:
        click.echo(f"  parity gate: {sentence}")
    if exported.folder is None:
        click.echo("Dry run: nothing was written.")
    elif exported.promotable:
        forced = "" if report.has_passed else " by --force, which release.json records"
        click.echo(f"Wrote {exported.folder}; promotable{forced}.")
    else:
        click.echo(f"Wrote {exported.folder}; NOT promotable, because the gate did not pass.")


def _both(difference: Difference) -> str:
    return f"differ by {difference.largest:.2g} at most, {difference.mean:.2g} on average"
