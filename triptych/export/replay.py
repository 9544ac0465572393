"""Ask a staged release what the parity gate wants to know. Runs in the light environment.

python -m triptych.export.replay REPOSITORY RELEASE TASK ITEMS ANSWERS.npz
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tritonclient import grpc as triton

from python_backends.shared.contract import (
    ITEM_OF,
    LABEL,
    LOGITS,
    PIPELINES,
    SCORE,
    STATUS,
    Task,
    TensorSpec,
)
from triptych.errors import TriptychError
from triptych.routing import ReleaseName
from triptych.stack.solo_triton import solo_triton
from triptych.stack.stop_signals import leave_on

_BATCH: Final = 8
_TIMEOUT_SECONDS: Final = 120.0


def replay(
    repository: Path, release: ReleaseName, task: Task, items: Sequence[bytes]
) -> dict[str, NDArray[Any]]:
    """Send items through the ensemble, and through preprocess and model one by one.

    Returns:
        By tensor name, one row per item: LABEL (str) and SCORE of the ensemble, STATUS and whatever
        else the preprocess step gives, and LOGITS of the model step.
    """
    with solo_triton(repository, [release]) as connection:
        client = triton.InferenceServerClient(connection.address)
        size = min(_BATCH, client.get_model_config(str(release)).config.max_batch_size)
        batches = [
            _ask_all(client, release, task, items[start : start + size])
            for start in range(0, len(items), size)
        ]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _ask_all(
    client: triton.InferenceServerClient, release: ReleaseName, task: Task, items: Sequence[bytes]
) -> dict[str, NDArray[Any]]:
    encoded = {ITEM_OF[task].name: np.array(items, object)[:, None]}
    steps = PIPELINES[task]
    prepared = _ask(client, release.step("preprocess"), encoded, steps["preprocess"].outputs)
    features = {name: prepared[name] for name in prepared if name != STATUS.name}
    logits = _ask(client, release.step("model"), features, [LOGITS])
    answer = _ask(client, str(release), encoded, [LABEL, SCORE])
    labels = np.vectorize(bytes.decode, otypes=[str])(answer[LABEL.name])
    return {**prepared, **logits, SCORE.name: answer[SCORE.name], LABEL.name: labels}


def _ask(
    client: triton.InferenceServerClient,
    model: str,
    tensors: dict[str, NDArray[Any]],
    outputs: Sequence[TensorSpec],
) -> dict[str, NDArray[Any]]:
    inputs = []
    for name, array in tensors.items():
        dtype = "BYTES" if array.dtype == object else array.dtype.name.upper()
        tensor = triton.InferInput(name, list(array.shape), dtype)
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    answer = client.infer(model, inputs, client_timeout=_TIMEOUT_SECONDS)
    return {spec.name: answer.as_numpy(spec.name) for spec in outputs}


def main(arguments: Sequence[str]) -> int:
    """Read the items, ask, and write what was answered."""
    # So that Triton and its scratch folder are gone, too, when the exporter dies.
    leave_on(signal.SIGTERM)
    repository, release_name, task, folder, answers = arguments
    release = ReleaseName.parse(release_name)
    if release is None:
        raise ValueError(f"{release_name!r} is no release")
    items = [file.read_bytes() for file in sorted(Path(folder).iterdir())]
    try:
        np.savez(answers, **replay(Path(repository), release, Task(task), items))
    except (TriptychError, triton.InferenceServerException) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
