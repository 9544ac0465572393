"""The floor: what a picture costs with no server at all. One process of this per core.

python -m benchmarks.comparison.floor MODEL PICTURES: see `floor_loop`.

On purpose with Pillow and one thread of ONNX Runtime: it stands for the obvious loop, and does not
move when our decoder or engine does.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from benchmarks.comparison.floor_loop import answer

_SIZE_PIXELS: Final = 224
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_STD: Final = np.array([0.229, 0.224, 0.225], np.float32)
_TOP: Final = 5


def open_session(model: Path) -> onnxruntime.InferenceSession:
    """Open the network, for one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def classify(session: onnxruntime.InferenceSession, encoded: bytes) -> NDArray[np.int64]:
    """Decode, resize, normalise, infer, softmax.

    Returns:
        The five most probable classes, highest first.
    """
    image = Image.open(io.BytesIO(encoded)).convert("RGB")
    image = image.resize((_SIZE_PIXELS, _SIZE_PIXELS), Image.Resampling.BILINEAR)
    pixels = (np.asarray(image, np.float32) / 255 - _MEAN) / _STD
    batch = np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis])
    (logits,) = session.run(None, {"input": batch})
    scores = np.exp(logits[0] - logits[0].max())
    scores /= scores.sum()
    best: NDArray[np.int64] = np.argsort(scores)[::-1][:_TOP]
    return best


def main() -> None:
    """Classify one picture after the other."""
    model, folder = map(Path, sys.argv[1:])
    pictures = [file.read_bytes() for file in sorted(folder.glob("*.jpg"))]
    session = open_session(model)

    def step(number: int) -> int:
        classify(session, pictures[number % len(pictures)])
        return 1

    answer(step)


if __name__ == "__main__":
    main()
