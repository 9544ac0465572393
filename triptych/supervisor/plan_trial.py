"""Hold a plan against what is served, in the same Triton, before anybody else can ask it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from python_backends.shared.contract import ItemAnswer
from triptych.engines import TENSORRT
from triptych.errors import CallFailed, NotRunning, PlanRefused
from triptych.plans.agreement import find_disagreement
from triptych.plans.served_plan import TrialModels, remove_trial, write_trial
from triptych.release import Release
from triptych.supervisor.live_triton import LiveTriton


def try_plan(live: LiveTriton, view: Path, release: Release, plan: Path, seconds: float) -> Release:
    """Load a plan under a name of its own and ask it every golden input.

    Args:
        live: Serves the release on ONNX.
        view: What it is given as its model repository.
        release: As it is served.
        plan: The file.
        seconds: How long the load, and each call, may take.

    Returns:
        The release with TensorRT as one more engine, and the plan's own golden answers.

    Raises:
        PlanRefused: Triton cannot load it, or it does not answer as ONNX does.
        NotRunning: what it is to be compared with did not answer.
    """
    try:
        items = [golden.file.read_bytes() for golden in release.golden]
        expected = _ask(live, str(release.name), release, items, seconds)
    except (OSError, CallFailed) as exc:
        raise NotRunning(f"{release.name} itself does not answer: {exc}") from exc
    trial = write_trial(view, release, plan)
    try:
        live.connection.load(trial.ensemble, seconds)
        answers = _compare(live, trial, release, items, expected, seconds=seconds)
    except CallFailed as exc:
        raise PlanRefused(str(exc)) from exc
    finally:
        _unload(live, trial, seconds)
        remove_trial(view, trial)
    known = [(it.labels[0], it.scores[0]) for it in answers]
    return release.with_engine(TENSORRT, known)


def _compare(
    live: LiveTriton,
    trial: TrialModels,
    release: Release,
    items: Sequence[bytes],
    expected: Sequence[ItemAnswer],
    *,
    seconds: float,
) -> list[ItemAnswer]:
    """Every item alone, then batches of every size that has a CUDA graph, and of one without."""
    names = [golden.file.name for golden in release.golden]
    alone = _ask(live, trial.ensemble, release, items, seconds)
    _refuse(find_disagreement(names, expected, alone))
    for rows in _batches(len(items), release.max_batch_size):
        task = release.task
        batch = [items[row] for row in rows]
        answers = live.connection.classify(trial.ensemble, task, batch, seconds)
        wrong = find_disagreement(
            [f"{names[row]} in a batch of {len(rows)}" for row in rows],
            [expected[row] for row in rows],
            answers,
        )
        _refuse(wrong)
    return alone


def _refuse(reason: str | None) -> None:
    if reason:
        raise PlanRefused(reason)


def _batches(items: int, largest: int) -> Iterator[list[int]]:
    """Rows of items, from the first on and again from there until the batch is full."""
    sizes = {2**n for n in range(1, largest.bit_length())} | {3, largest}
    for size in sorted(size for size in sizes if 1 < size <= largest):
        yield [row % items for row in range(size)]


def _ask(
    live: LiveTriton, model: str, release: Release, items: Sequence[bytes], seconds: float
) -> list[ItemAnswer]:
    return [
        answer
        for item in items
        for answer in live.connection.classify(model, release.task, [item], seconds)
    ]


def _unload(live: LiveTriton, trial: TrialModels, seconds: float) -> None:
    """Only the two: what stands before and behind them goes on serving."""
    for name in (trial.ensemble, trial.model):
        with suppress(CallFailed):
            live.connection.unload(name, seconds, with_steps=False)
