"""Export everything that docs/export.md reports on and write its tables: real commands and files.

python -m examples.shapes.table --text-model hf:sentence-transformers/all-MiniLM-L6-v2

Needs checkpoints/digits-resnet18 (examples.digits.train_resnet18) and checkpoints/keras-digits
(examples.shapes.keras_digits).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from examples.shapes.checkpoints import SHAPES, write_checkpoint
from python_backends.shared.contract import Task
from triptych.export.golden_inputs import TEXTS
from triptych.export.served_answers import ask_served
from triptych.routing import ReleaseName

_PAGE: Final = Path("docs/export.md")
_START: Final = "<!-- figures: written by examples/shapes/table.py -->"
_END: Final = "<!-- end of figures -->"
_CHECKPOINTS: Final = Path("checkpoints")
_DIGITS: Final = _CHECKPOINTS / "digits-resnet18"
_KERAS: Final = _CHECKPOINTS / "keras-digits"
_TOPICS: Final = Path("examples/topics")


@dataclass(frozen=True)
class Job:
    """One network: how it is exported, and what int8 is calibrated on."""

    title: str
    name: str
    arguments: tuple[str, ...]
    calibration: Path


@dataclass(frozen=True)
class Row:
    """One export: its release.json, how long it took, and how large the graph is."""

    job: Job
    precision: str
    seconds: float
    megabytes: float
    certificate: dict[str, Any]


def jobs(text_model: str) -> list[Job]:
    """Everything that the page reports on."""
    pictures = _DIGITS / "calibration"
    digits = ("--golden", str(_DIGITS / "golden"))
    measured = ("--metrics", str(_DIGITS / "figures.json"))
    keras = (str(_KERAS / "digits.keras"), "--rescale", "1", *digits)
    shapes = {name: write_checkpoint(name, _CHECKPOINTS / "shapes") for name in SHAPES}
    resnet = "ResNet-18 at 224, trained on digits"
    return [
        *(Job(f"{it} (random weights)", it, (str(path),), pictures) for it, path in shapes.items()),
        Job(resnet, "digits-resnet18", (str(_DIGITS), *digits, *measured), pictures),
        Job("Keras CNN at 48, trained on digits", "digits-keras", keras, pictures),
        Job(
            "MiniLM-L6, zero-shot topics",
            "topics",
            (text_model, "--topics", str(_TOPICS / "topics.txt")),
            _TOPICS / "calibration",
        ),
    ]


def run(job: Job, precision: str, repository: Path) -> Row:
    """Export once, as a person would."""
    triptych = Path(sys.executable).with_name("triptych")
    command = [str(triptych), "export", *job.arguments, "--name", job.name]
    command += ["--model-repository", str(repository), "--precision", precision]
    if precision == "int8":
        command += ["--calibration", str(job.calibration)]
    started = time.monotonic()
    exported = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.monotonic() - started
    if exported.returncode not in {0, 3}:
        raise SystemExit(f"{' '.join(command)}: {exported.stdout}{exported.stderr}")
    number = 1 if precision == "fp32" else 2
    folder = repository / f"{job.name}_r{number}"
    certificate = json.loads((folder / "release.json").read_text())
    size = (repository / f"{folder.name}_model/1/model.onnx").stat().st_size
    print(f"{job.title}, {precision}: {seconds:.0f} s", flush=True)
    return Row(job, precision, seconds, size / 1e6, certificate)


def parity_table(rows: list[Row]) -> list[str]:
    """One line for each export."""
    columns = ("network", "precision", "export", "ONNX", "golden inputs", "top-1", "top-5")
    columns += ("scores: largest, mean", "pixels or token ids", "gate")
    lines = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    for row in rows:
        report = row.certificate["parity"]
        scores, features = report["scores"], report["features"]
        gate = "passed" if report["passed"] else "; ".join(report["failures"])
        cells = [
            row.job.title,
            row.precision,
            f"{row.seconds:.0f} s",
            f"{row.megabytes:.1f} MB",
            f"{report['inputs']}, {report['classes_met']} of {report['classes']} classes",
            f"{report['top_1_agreement']:.1%}",
            f"{report['top_5_overlap']:.1%}",
            f"{scores['largest']:.1e}, {scores['mean']:.1e}",
            f"{features['largest']:.1e}",
            gate,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def accuracy_table() -> list[str]:
    """What the two digit networks get right, by their own figures."""
    figures = json.loads((_DIGITS / "figures.json").read_text())
    lines = ["| ResNet-18 on | pictures | right |", "| --- | --- | --- |"]
    lines += [
        f"| {name.replace('_', ' ')} | {it['images']} | {it['accuracy']:.2%} |"
        for name, it in figures.items()
        if isinstance(it, dict) and "accuracy" in it
    ]
    return lines


def topics_table(repository: Path) -> list[str]:
    """What each sentence of the built-in set is taken for, asked from the served pipeline."""
    encoded = [text.encode() for text in TEXTS]
    answers = [
        ask_served(repository, ReleaseName("topics", number), Task.TEXT_CLASSIFICATION, encoded)
        for number in (1, 2)
    ]
    lines = ["| sentence | fp32 | int8 |", "| --- | --- | --- |"]
    for at, text in enumerate(TEXTS):
        cells = [f"{it.labels[at][0]} {it.scores[at][0]:.2f}" for it in answers]
        lines.append(f"| {text} | {cells[0]} | {cells[1]} |")
    return lines


def main() -> int:
    """Export, and replace the figures of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text-model", default="hf:sentence-transformers/all-MiniLM-L6-v2")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="triptych-table-") as scratch:
        repository = Path(scratch)
        rows = [
            run(job, precision, repository)
            for job in jobs(arguments.text_model)
            for precision in ("fp32", "int8")
        ]
        machine = (
            f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        )
        topics = topics_table(repository)
    blocks = [
        f"Measured on {machine}, a shared machine: compare within the table.",
        "\n".join(parity_table(rows)),
        "\n".join(accuracy_table()),
        "\n".join(topics),
    ]
    page = _PAGE.read_text()
    before, after = page.partition(_START)[0], page.partition(_END)[2]
    _PAGE.write_text(before + "\n\n".join([_START, *blocks, _END]) + after)
    print(f"wrote {_PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
