"""Write the graphs that `benchmarks.engines` measures: as they would be served, fp32 and int8.

python -m examples.shapes.engine_networks FOLDER

The weights are random: they cost the same time as trained ones, and answer nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import onnx

from examples.shapes.checkpoints import write_checkpoint
from triptych.export.feeding import feed
from triptych.export.golden_inputs import builtin_items
from triptych.export.loaded_model import SourceOptions
from triptych.export.quantise import quantise
from triptych.export.source import load_source

NETWORKS: Final = {
    "tiny": "tiny-shape",
    "ResNet-18": "resnet18-shape",
    "ResNet-50": "resnet50-shape",
}


def write_network(name: str, folder: Path) -> None:
    """Write FOLDER/NAME-fp32.onnx and FOLDER/NAME-int8.onnx; PIXELS uint8 -> LOGITS."""
    loaded = load_source(str(write_checkpoint(NETWORKS[name], folder)), SourceOptions())
    onnx.save(loaded.graph, folder / f"{name}-fp32.onnx")
    feeds = [feed(loaded.step, item) for item in builtin_items(loaded.task)]
    onnx.save(quantise(loaded.graph, feeds), folder / f"{name}-int8.onnx")


if __name__ == "__main__":
    for network in NETWORKS:
        write_network(network, Path(sys.argv[1]))
