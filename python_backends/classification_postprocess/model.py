"""Backend "classification_postprocess": LOGITS, STATUS -> LABEL, SCORE, STATUS.

Only translates; the work is in shared/. Labels come from labels.txt, one per line, beside
config.pbtxt; how many are answered is LABEL's own size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_backends.shared import triton_io
from python_backends.shared.classification import classify
from python_backends.shared.contract import LABEL, LOGITS, SCORE, STATUS
from python_backends.shared.errors import ModelAssetError


def read_labels(file: Path) -> NDArray[np.object_]:
    """Read one label per line.

    Raises:
        ModelAssetError: the file is missing, empty or not UTF-8.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise ModelAssetError(f"cannot read the labels: {exc}") from exc
    if not lines:
        raise ModelAssetError(f"{file.name} holds no label")
    return np.array([line.encode() for line in lines], dtype=np.object_)


class TritonPythonModel:
    """One loaded postprocess step."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Read the labels once."""
        config = triton_io.ModelConfig.from_arguments(args)
        self._labels = read_labels(config.folder / "labels.txt")
        (self._k,) = config.output_shape(LABEL.name)
        (classes,) = next(spec.shape for spec in config.inputs if spec.name == LOGITS.name)
        if len(self._labels) != classes or not 1 <= self._k <= classes:
            raise ModelAssetError(
                f"{config.name}: {len(self._labels)} labels, {classes} classes, top {self._k}"
            )

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch of requests."""
        return triton_io.answer_requests(
            requests,
            inputs=[LOGITS, STATUS],
            outputs=[LABEL, SCORE, STATUS],
            step=lambda logits, status: classify(logits, status, self._labels, self._k),
        )
