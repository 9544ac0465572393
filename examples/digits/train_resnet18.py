"""Train a ResNet-18 on the digits and save it as Hugging Face does: a checkpoint to export."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from examples.digits.drawn import draw_all
from examples.digits.evaluate import Result, evaluate_drawn, evaluate_scans
from examples.digits.quantization_pictures import (
    NamedPicture,
    make_calibration_pictures,
    make_golden_pictures,
)
from examples.digits.resnet18 import CheckpointClassifier, save_checkpoint
from examples.digits.scans import Split, load_split
from examples.digits.seeds import Purpose
from examples.digits.sevens import add_barless_sevens
from examples.digits.staged_fitting import STAGES, Stage, fit_in_stages
from examples.digits.strokes import DigitShape, trace_shapes

_OUTPUT: Final = Path("checkpoints/digits-resnet18")


def main() -> int:
    """Run the whole way; the answer is the exit code."""
    arguments = _parse_arguments()
    output: Path = arguments.output
    stages = tuple(
        replace(stage, epochs=epochs)
        for stage, epochs in zip(STAGES, arguments.epochs, strict=True)
    )
    split = load_split()
    print(f"{len(split.train)} scans to train on, {len(split.held_out)} held out", flush=True)
    seconds = _train(split, stages, arguments.seed, output)
    held_out_shapes = trace_shapes(split.held_out)
    _write_pictures(output / "golden", make_golden_pictures(split.held_out, held_out_shapes))
    results = _evaluate(split, held_out_shapes, output)
    figures = {
        **{name: result.to_json() for name, result in results.items()},
        "training_seconds": round(seconds, 1),
        "training_scans": len(split.train),
        "held_out_scans": len(split.held_out),
        "seed": arguments.seed,
        "epochs": {str(stage.side_pixels): stage.epochs for stage in stages},
    }
    (output / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(f"wrote {output}")
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=_OUTPUT)
    parser.add_argument("--seed", type=int, default=0, help="fixes weights, order and pictures")
    parser.add_argument(
        "--epochs",
        type=int,
        nargs=len(STAGES),
        default=[stage.epochs for stage in STAGES],
        help="for pictures of " + ", ".join(str(stage.side_pixels) for stage in STAGES) + " pixels",
    )
    return parser.parse_args()


def _train(split: Split, stages: tuple[Stage, ...], seed: int, output: Path) -> float:
    """Train, save, and make what to calibrate with; the answer is how many seconds learning took.

    The held-out third stays outside of this function.
    """
    started = time.monotonic()
    train = add_barless_sevens(split.train)
    shapes = trace_shapes(train)
    network = fit_in_stages(train, shapes, stages=stages, seed=seed)
    seconds = time.monotonic() - started
    print(f"trained in {seconds:.0f} s", flush=True)
    save_checkpoint(network, output)
    _write_pictures(output / "calibration", make_calibration_pictures(train, shapes))
    return seconds


def _evaluate(split: Split, shapes: list[DigitShape], output: Path) -> dict[str, Result]:
    """Answer the same sets as a release's certificate has, from the files that were saved."""
    classifier = CheckpointClassifier(output)
    results = evaluate_scans(classifier, split.held_out, shapes, Purpose.EVALUATION)
    results["drawn"], wrong = evaluate_drawn(classifier, draw_all())
    for name, result in results.items():
        print(f"{name:26} {result.images:7d} {result.correct:7d} {result.accuracy:9.2%}")
    print("\n".join(wrong))
    return results


def _write_pictures(folder: Path, pictures: list[NamedPicture]) -> None:
    if folder.exists():
        shutil.rmtree(folder)  # an earlier run may have given the same pictures other endings
    folder.mkdir(parents=True)
    for picture in pictures:
        (folder / picture.file_name).write_bytes(picture.encoded)


if __name__ == "__main__":
    sys.exit(main())
