"""The engines that the model step of a release can run on. Names, and where their files are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ONNXRUNTIME: Final = "onnxruntime"
OPENVINO: Final = "openvino"
OPENVINO_BF16: Final = "openvino-bf16"
# Not asked for by the exporter, which has no GPU: proven where it runs (docs/adr/0031).
TENSORRT: Final = "tensorrt"
# By precision of the weights; the first is the default where nobody says (docs/adr/0023).
ENGINES: Final = {
    "fp32": (OPENVINO, ONNXRUNTIME, OPENVINO_BF16),
    "int8": (OPENVINO, ONNXRUNTIME),
}
ENGINES_FOLDER: Final = "configs"  # where Triton's own --model-config-name looks, too


def computing_precision(engine: str, weights: str) -> str:
    """What the products are computed in: "fp32", "bf16" or "int8"."""
    return "bf16" if engine == OPENVINO_BF16 else weights


def config_file(model_folder: Path, engine: str) -> Path:
    """The configuration of a model step for one engine."""
    return model_folder / ENGINES_FOLDER / f"{engine}.pbtxt"
