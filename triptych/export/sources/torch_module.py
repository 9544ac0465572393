"""Plain PyTorch: a factory of a module with its state dict, or a TorchScript file."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from triptych.errors import OptionInvalid, SourceUnfit, first_line
from triptych.export.image_options import read_image_input
from triptych.export.loaded_model import LoadedModel, SourceOptions, choose_labels
from triptych.export.onnx_graph import serve_images
from triptych.export.preprocess_steps import ImageStep
from triptych.export.reference_picture import declared_preparation
from triptych.export.refusal import refusing
from triptych.export.sources.source_answers import answering
from triptych.export.sources.torch_graph import count_classes, runner, trace


def load_factory(name: str, options: SourceOptions) -> LoadedModel:
    """Call package.module:factory, fill the module with `options.weights`, convert.

    Raises:
        SourceUnfit: see the sentence.
        OptionInvalid: the transform is incomplete.
    """
    module = _call_factory(name)
    if options.weights is not None:
        _fill(module, _read_weights(options.weights))
    checkpoint = options.weights.name if options.weights else "none: random weights"
    origin = {"factory": name, "checkpoint": checkpoint}
    return _finish(module, options, origin, is_trained=options.weights is not None)


def load_torchscript(name: str, options: SourceOptions) -> LoadedModel:
    """Load a TorchScript file, which brings its own code; TorchScript cannot reach Python's.

    Raises:
        SourceUnfit: see the sentence.
        OptionInvalid: the transform is incomplete.
    """
    try:
        module = torch.jit.load(name, map_location="cpu")
    except (RuntimeError, OSError, ValueError) as exc:
        raise SourceUnfit(f"{name} is no TorchScript file: {first_line(exc)}") from exc
    return _finish(module, options, {"checkpoint": Path(name).name}, is_trained=True)


def _finish(
    module: torch.nn.Module, options: SourceOptions, origin: dict[str, str], *, is_trained: bool
) -> LoadedModel:
    module = module.eval()
    image = read_image_input(options.transform, is_channels_first=True)
    height, width = image.transform.height_pixels, image.transform.width_pixels
    colours = len(image.normalisation.channels)
    shape = (2, colours, height, width)
    if not image.normalisation.is_channels_first:
        shape = (2, height, width, colours)
    example = torch.zeros(shape)
    classes = count_classes(module, [example])
    network = trace(module, [example])
    return LoadedModel(
        step=ImageStep(image.transform),
        graph=serve_images(network, image.normalisation, height, width, classes),
        labels=choose_labels(options.labels, None, classes),
        source=answering(
            network,
            runner(module),
            declared_preparation(image),
            image.normalisation,
            "as declared in the options, decoded by Pillow",
        ),
        origin={"framework": "PyTorch", "framework_version": torch.__version__, **origin},
        is_trained=is_trained,
    )


def _call_factory(name: str) -> torch.nn.Module:
    module_name, _, factory_name = name.partition(":")
    if not module_name or not factory_name:
        raise OptionInvalid(f"torch:{name} names no factory; write torch:package.module:factory.")
    # As `python -m` does: a factory in the current folder is found.
    sys.path.insert(0, str(Path.cwd()))
    try:
        factory: Callable[[], Any] = getattr(importlib.import_module(module_name), factory_name)
        module = factory()
    except (Exception, SystemExit) as exc:  # a script without its main guard ends the process
        raise SourceUnfit(f"torch:{name} cannot be called: {exc!r}") from exc
    finally:
        sys.path.pop(0)
    if not isinstance(module, torch.nn.Module):
        raise SourceUnfit(f"torch:{name} gives a {type(module).__name__}, not a torch.nn.Module.")
    return module


def _read_weights(file: Path) -> dict[str, torch.Tensor]:
    with refusing(f"{file} cannot be read as weights"):
        try:
            if file.suffix == ".safetensors":
                return load_file(file)
            state = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as exc:
            raise SourceUnfit(
                f"{file} holds more than weights, and loading it would run code that it brings. "
                "Save the state dict alone, best as safetensors."
            ) from exc
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]  # the habit of training scripts
    if not isinstance(state, dict) or not all(torch.is_tensor(it) for it in state.values()):
        raise SourceUnfit(f"{file} holds no state dict.")
    return state


def _fill(module: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    try:
        report = module.load_state_dict(state, strict=False)
    except RuntimeError as exc:
        detail = " ".join(str(exc).split())
        raise SourceUnfit(f"The weights do not fit the network: {detail}") from exc
    for keys, sentence in (
        (report.missing_keys, "The checkpoint lacks"),
        (report.unexpected_keys, "The network has no place for"),
    ):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise SourceUnfit(f"{sentence} {', '.join(sorted(keys)[:3])}{more}.")
