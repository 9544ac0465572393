"""Train `digits` and write it as a release: python examples/digits/train.py --help."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sklearn
import torch

from examples.digits.drawn import draw_all
from examples.digits.evaluate import (
    Classifier,
    Result,
    evaluate_drawn,
    evaluate_scans,
    find_failures,
)
from examples.digits.fitting import fit
from examples.digits.network import export_onnx
from examples.digits.pictures import MAX_PIXELS, TRANSFORM
from examples.digits.samples import NoPictureFound, Sample, make_golden_inputs, make_samples
from examples.digits.scans import Split, load_split, split_off_validation
from examples.digits.seeds import Purpose
from examples.digits.sevens import add_barless_sevens
from examples.digits.strokes import trace_shapes
from triptych.errors import ReleaseExists
from triptych.export.preprocess_steps import ImageStep
from triptych.export.provenance import git_commit
from triptych.export.publishing import next_number
from triptych.export.release_writer import Draft, GoldenInput, Verdict, staged_release
from triptych.routing import ReleaseName

NAME: Final = "digits"
EPOCHS: Final = 100
_HERE: Final = Path(__file__).resolve().parent
_SAMPLES: Final = _HERE / "samples"


class NotGoodEnough(Exception):
    """The model misses what a release needs; nothing is written."""


@dataclass(frozen=True)
class Trained:
    """The exported model and what was measured on it."""

    onnx_model: bytes
    results: dict[str, Result]
    seconds: float
    split: Split
    samples: list[Sample]
    golden: tuple[GoldenInput, ...]


def main() -> int:
    """Run the whole way; the answer is the exit code."""
    arguments = _parse_arguments()
    try:
        if arguments.validate:
            _validate(arguments.epochs, arguments.seed)
            return 0
        _release(arguments)
    except (NotGoodEnough, NoPictureFound, ReleaseExists) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-repository", type=Path, default=Path("model_repository"))
    parser.add_argument("--number", type=int, help="release number; default: the next free one")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="pictures of each scan to show")
    parser.add_argument("--seed", type=int, default=0, help="fixes weights, order and pictures")
    parser.add_argument(
        "--validate",
        action="store_true",
        help="train on four fifths of the training part, measure on the last, write nothing",
    )
    return parser.parse_args()


def _validate(epochs: int, seed: int) -> None:
    """Measure settings without looking at the held-out third or at the drawn digits."""
    split = split_off_validation(load_split().train)
    train = add_barless_sevens(split.train)
    onnx_model = export_onnx(fit(train, trace_shapes(train), epochs=epochs, seed=seed))
    shapes = trace_shapes(split.held_out)
    _print_table(evaluate_scans(Classifier(onnx_model), split.held_out, shapes, Purpose.VALIDATION))


def _release(arguments: argparse.Namespace) -> None:
    repository: Path = arguments.model_repository
    repository.mkdir(parents=True, exist_ok=True)
    number = arguments.number or next_number(repository, NAME)
    if (repository / str(ReleaseName(NAME, number))).exists():
        raise ReleaseExists(f"{ReleaseName(NAME, number)} exists; say another --number.")
    trained = _train(arguments.epochs, arguments.seed)
    draft = Draft(
        name=NAME,
        number=number,
        onnx_model=trained.onnx_model,
        labels=tuple(str(digit) for digit in range(10)),
        preprocess=ImageStep(TRANSFORM, MAX_PIXELS),
        top_k=10,
        max_batch_size=32,
        source=_source(arguments.epochs, arguments.seed),
        metrics=_metrics(trained),
    )
    with staged_release(repository, draft) as staged:
        verdict = Verdict(golden=trained.golden)
        commit, now = git_commit(_HERE), datetime.now(tz=UTC)
        folder = staged.publish(verdict, git_commit=commit, created=now)
    _SAMPLES.mkdir(exist_ok=True)
    for sample in trained.samples:
        (_SAMPLES / sample.file_name).write_bytes(sample.encoded)
    print(f"wrote {folder} and {len(trained.samples)} pictures in {_SAMPLES}")


def _train(epochs: int, seed: int) -> Trained:
    started = time.monotonic()
    split = load_split()
    print(f"{len(split.train)} scans to train on, {len(split.held_out)} held out", flush=True)
    train = add_barless_sevens(split.train)
    network = fit(train, trace_shapes(train), epochs=epochs, seed=seed)
    seconds = time.monotonic() - started
    onnx_model = export_onnx(network)
    print(f"trained in {seconds:.0f} s, {len(onnx_model)} bytes of ONNX", flush=True)

    classifier, shapes = Classifier(onnx_model), trace_shapes(split.held_out)
    results = evaluate_scans(classifier, split.held_out, shapes, Purpose.EVALUATION)
    results["drawn"], wrong = evaluate_drawn(classifier, draw_all())
    _print_table(results)
    print("\n".join(wrong))
    failures = find_failures(results)
    if failures:
        raise NotGoodEnough("Not good enough, nothing written. " + "; ".join(failures) + ".")
    samples = make_samples(classifier, split.held_out, shapes)
    golden = make_golden_inputs(classifier, split.held_out, shapes)
    return Trained(onnx_model, results, seconds, split, samples, golden)


def _print_table(results: dict[str, Result]) -> None:
    print(f"{'set':26} {'images':>7} {'right':>7} {'accuracy':>9}")
    for name, result in results.items():
        print(f"{name:26} {result.images:7d} {result.correct:7d} {result.accuracy:9.2%}")


def _metrics(trained: Trained) -> dict[str, object]:
    return {
        **{name: result.to_json() for name, result in trained.results.items()},
        "training_seconds": round(trained.seconds, 1),
        "training_scans": len(trained.split.train),
        "held_out_scans": len(trained.split.held_out),
    }


def _source(epochs: int, seed: int) -> dict[str, str]:
    return {
        "framework": "PyTorch",
        "framework_version": torch.__version__,
        "script": "examples/digits/train.py",
        "data": f"two thirds of load_digits (1797 scans) of scikit-learn {sklearn.__version__}",
        "epochs": str(epochs),
        "seed": str(seed),
    }


if __name__ == "__main__":
    sys.exit(main())
