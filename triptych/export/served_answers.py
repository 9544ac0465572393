"""What the served pipeline says, asked from whatever environment the exporter runs in."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

import triptych
from python_backends.shared.contract import LABEL, LOGITS, PIPELINES, SCORE, STATUS, Task
from triptych.errors import EnvironmentUnfit, StartFailed
from triptych.export.loaded_model import Tensors
from triptych.routing import ReleaseName
from triptych.stack.child_process import END_WITH_PARENT
from triptych.stack.settings import StackSettings

# More than Triton's own exit timeout, and what setting down its folders takes.
_STOP_SECONDS: Final = 20.0


@dataclass(frozen=True)
class ServedAnswers:
    """The pipeline's tensors, one row per golden input.

    Attributes:
        labels: [N, k], str, highest score first; empty where an item was refused.
        scores: [N, k], float32, softmax probabilities.
        logits: [N, C], float32.
        status: [N, 1], uint8.
        features: What the preprocess step gives: PIXELS uint8 [N, H, W, 3]; or INPUT_IDS and
            ATTENTION_MASK int64 [N, L].
    """

    labels: NDArray[np.str_]
    scores: NDArray[np.float32]
    logits: NDArray[np.float32]
    status: NDArray[np.uint8]
    features: Tensors


def serving_python() -> Path:
    """The Python that can start Triton: this one, or the light environment's.

    Raises:
        EnvironmentUnfit: there is none.
    """
    if importlib.util.find_spec("pytriton") is not None:
        return Path(sys.executable)
    beside_source = Path(triptych.__file__).parents[1] / ".venv" / "bin" / "python"
    python = StackSettings().serving_python or beside_source
    if not python.is_file():
        raise EnvironmentUnfit(
            f"The parity gate starts Triton from the serving environment, and {python} is not "
            "there. Please run `make setup`, or name its Python in TRIPTYCH_SERVING_PYTHON."
        )
    return python


def ask_served(
    repository: Path, release: ReleaseName, task: Task, items: Sequence[bytes]
) -> ServedAnswers:
    """Serve a staged release with a real Triton and ask it.

    Raises:
        EnvironmentUnfit: no Triton can be started from here.
        StartFailed: Triton did not start, load or answer; the sentence is its own.
    """
    served, _ = ask_engines(repository, release, task, items, ())
    return served


def ask_engines(
    repository: Path,
    release: ReleaseName,
    task: Task,
    items: Sequence[bytes],
    engines: Sequence[str],
) -> tuple[ServedAnswers, dict[str, ServedAnswers | str]]:
    """Serve a staged release with a real Triton, and ask it as it is and on each engine.

    Returns:
        The answers as it is, and by engine; or why an engine cannot serve it.

    Raises:
        EnvironmentUnfit: no Triton can be started from here.
        StartFailed: Triton did not start, load or answer; the sentence is its own.
    """
    with tempfile.TemporaryDirectory(prefix="triptych-golden-") as scratch:
        folder, answers = Path(scratch) / "items", Path(scratch) / "answers"
        folder.mkdir()
        answers.mkdir()
        for number, item in enumerate(items):
            (folder / f"{number:06d}").write_bytes(item)
        arguments = [str(repository), str(release), task.value, str(folder), str(answers)]
        python = [*END_WITH_PARENT, str(serving_python())]  # a killed export leaves no Triton
        exit_code, said = _run([*python, "-m", "triptych.export.replay", *arguments, *engines])
        if exit_code:
            last = (said.strip().splitlines() or ["no reason given"])[-1]
            raise StartFailed(f"The release cannot be served: {last}")
        return _read(answers / "default.npz", task), {
            engine: _read_engine(answers / engine, task) for engine in engines
        }


def _read_engine(answers: Path, task: Task) -> ServedAnswers | str:
    reason = answers.with_suffix(".txt")
    return reason.read_text() if reason.is_file() else _read(answers.with_suffix(".npz"), task)


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Run to the end, and let it stop its Triton in order if we are interrupted meanwhile."""
    # In a session of its own: Ctrl-C reaches us alone, and we pass one signal on.
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _, said = process.communicate()
        except BaseException:  # Ctrl-C too: what was started must not stay
            process.terminate()
            process.wait(_STOP_SECONDS)
            raise
    return process.returncode, said


def _read(file: Path, task: Task) -> ServedAnswers:
    with np.load(file) as arrays:
        return ServedAnswers(
            labels=arrays[LABEL.name],
            scores=arrays[SCORE.name],
            logits=arrays[LOGITS.name],
            status=arrays[STATUS.name],
            features=tuple(arrays[spec.name] for spec in PIPELINES[task]["model"].inputs),
        )
