"""Ask a staged release what the parity gate wants to know. Runs in the light environment.

python -m triptych.export.replay REPOSITORY RELEASE TASK ITEMS ANSWERS [ENGINE]...

ANSWERS is a folder. It gets default.npz and for each engine ENGINE.npz, or ENGINE.txt with the
sentence that says why that one cannot serve the release.
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
from triptych.client.triton import TritonConnection
from triptych.engine_configs import read_override
from triptych.errors import TriptychError
from triptych.routing import ReleaseName
from triptych.stack.solo_triton import solo_triton
from triptych.stack.stop_signals import leave_on

_BATCH: Final = 8
_TIMEOUT_SECONDS: Final = 120.0


class Replay:
    """One staged release on a Triton of its own.

    Args:
        connection: To that Triton, which serves the release.
        release: Its name.
        task: What it does.
        items: Encoded images or texts.
    """

    def __init__(
        self, connection: TritonConnection, release: ReleaseName, task: Task, items: Sequence[bytes]
    ) -> None:
        self._connection = connection
        self._client = triton.InferenceServerClient(connection.address)
        self._release, self._task, self._items = release, task, items

    def switch(self, repository: Path, engine: str) -> None:
        """Have the model step run on another engine.

        Raises:
            CallFailed: Triton cannot load it so.
        """
        model = self._release.step("model")
        override = read_override(repository / model, engine)
        self._connection.load(model, _TIMEOUT_SECONDS, override)

    def ask(self) -> dict[str, NDArray[Any]]:
        """Send the items through the ensemble, and through preprocess and model one by one.

        Returns:
            By tensor name, one row per item: LABEL (str) and SCORE of the ensemble, STATUS and
            whatever else the preprocess step gives, and LOGITS of the model step.
        """
        config = self._client.get_model_config(str(self._release)).config
        size = min(_BATCH, config.max_batch_size)
        batches = [
            _ask_all(self._client, self._release, self._task, self._items[start : start + size])
            for start in range(0, len(self._items), size)
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


def replay_all(replay: Replay, repository: Path, answers: Path, engines: Sequence[str]) -> None:
    """Write what the release answers as it is, and on each engine."""
    np.savez(answers / "default.npz", **replay.ask())
    for engine in engines:
        try:
            replay.switch(repository, engine)
            np.savez(answers / f"{engine}.npz", **replay.ask())
        except (TriptychError, triton.InferenceServerException) as exc:
            (answers / f"{engine}.txt").write_text(str(exc))


def main(arguments: Sequence[str]) -> int:
    """Read the items, ask, and write what was answered."""
    # So that Triton and its scratch folder are gone, too, when the exporter dies.
    leave_on(signal.SIGTERM)
    repository, release_name, task, folder, answers, *engines = arguments
    release = ReleaseName.parse(release_name)
    if release is None:
        raise ValueError(f"{release_name!r} is no release")
    items = [file.read_bytes() for file in sorted(Path(folder).iterdir())]
    try:
        with solo_triton(Path(repository), [release]) as connection:
            replay = Replay(connection, release, Task(task), items)
            replay_all(replay, Path(repository), Path(answers), engines)
    except (TriptychError, triton.InferenceServerException) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
