"""One small checkpoint of every kind of source, and the release that came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import onnx
import safetensors.torch
import torch

from tests.export import checkpoints, keras_checkpoints
from tests.export.coloured_pictures import COLOURS, write_pictures
from triptych.export.exporter import Exported, ExportRequest, export
from triptych.export.loaded_model import SourceOptions
from triptych.export.sources.torch_graph import trace

Element = TypeVar("Element")
FACTORY = "torch:tests.export.checkpoints:colour_net"
TRANSFORM = {"size": "24x32", "mean": "0.5", "std": "0.25"}
LABELS = tuple(COLOURS)
PER_COLOUR = 6
HUB_FAMILIES: dict[str, Callable[[Path], Path]] = {
    "resnet": checkpoints.resnet,
    "vit": checkpoints.vit,
    "convnext": checkpoints.convnext,
    "mobilenet": checkpoints.mobilenet,
    "efficientnet": checkpoints.efficientnet,
    "mobilevit": checkpoints.mobilevit,
    "grey": checkpoints.grey,
    "bert": checkpoints.bert,
}
TORCH_FORMS = ("torch-safetensors", "torch-pt", "torchscript", "onnx")
KERAS_FORMS = ("keras", "h5", "savedmodel")
TEXTS = ("bert",)
NAMES = (*HUB_FAMILIES, *TORCH_FORMS, *KERAS_FORMS)
IMAGES = tuple(name for name in NAMES if name not in TEXTS)


class Silent:
    """Progress that nobody watches."""

    def step(self, sentence: str) -> None:
        pass

    def bar(self, items: list[Element], label: str) -> AbstractContextManager[list[Element]]:  # noqa: ARG002 - the protocol's
        return nullcontext(items)


@dataclass(frozen=True)
class Source:
    """What a person would write on the command line."""

    source: str
    options: SourceOptions


class ExportedSources:
    """Makes checkpoints and releases once, each when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "model_repository"
        self.pictures = write_pictures(folder / "golden", PER_COLOUR)
        self.calibration_pictures = write_pictures(folder / "calibration", 8, first=40)
        self.texts = folder / "texts"
        self.texts.mkdir()
        lines = [checkpoints.sentence(colour, at) for colour in range(3) for at in range(10)]
        (self.texts / "sentences.txt").write_text("\n".join(lines))
        self._checkpoints = folder / "checkpoints"
        self._checkpoints.mkdir()
        self._sources: dict[str, Source] = {}
        self._exported: dict[str, Exported] = {}

    def __getitem__(self, name: str) -> Exported:
        """The release of a source."""
        if name not in self._exported:
            self._exported[name] = export(self.request(name), Silent())
        return self._exported[name]

    def request(self, name: str, **changes: Any) -> ExportRequest:
        """An export of that source into the common repository, unless told otherwise."""
        source = self.source(name)
        usual: dict[str, Any] = {
            "source": source.source,
            "name": name,
            "model_repository": self.repository,
            "options": source.options,
            "golden": self.texts if name in TEXTS else self.pictures,
        }
        return ExportRequest(**usual | changes)

    def source(self, name: str) -> Source:
        """A checkpoint on disk and the options that go with it."""
        if name not in self._sources:
            self._sources |= self._make(name)
        return self._sources[name]

    def _make(self, name: str) -> dict[str, Source]:
        folder = self._checkpoints / name
        if name in HUB_FAMILIES:
            return {name: Source(str(HUB_FAMILIES[name](folder)), SourceOptions())}
        if name in TORCH_FORMS:
            return torch_forms(self._checkpoints)
        return keras_forms(self._checkpoints)


def torch_forms(folder: Path) -> dict[str, Source]:
    """One plain network as four kinds of file."""
    network = checkpoints.fitted_colour_net()
    weights = folder / "colours.safetensors", folder / "colours.pt"
    safetensors.torch.save_file(network.state_dict(), weights[0])
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, weights[1])
    script, graph = folder / "script.pt", folder / "colours.onnx"
    torch.jit.trace(network, torch.zeros(1, 3, 24, 32)).save(str(script))
    onnx.save(trace(network, [torch.zeros(2, 3, 24, 32)]), graph)

    def options(file: Path | None) -> SourceOptions:
        return SourceOptions(labels=LABELS, weights=file, transform=TRANSFORM)

    return {
        "torch-safetensors": Source(FACTORY, options(weights[0])),
        "torch-pt": Source(FACTORY, options(weights[1])),
        "torchscript": Source(f"torchscript:{script}", options(None)),
        "onnx": Source(str(graph), options(None)),
    }


def keras_forms(folder: Path) -> dict[str, Source]:
    """One Keras network as three kinds of file; it rescales by itself."""
    options = SourceOptions(labels=LABELS, transform={"rescale": 1.0})
    files = keras_checkpoints.save_all(folder / "keras")
    return {name: Source(str(file), options) for name, file in files.items()}
