"""From what a person writes as SOURCE to a loaded model. Frameworks are imported late, here."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from triptych.errors import ExtraMissing, OptionInvalid, SourceUnfit
from triptych.export.loaded_model import LoadedModel, SourceOptions

TASKS: Final = ("image-classification", "text-classification", "zero-shot")
_SOURCES: Final = "triptych.export.sources"
FORMS: Final = (
    "hf:ORG/NAME, a directory in Hugging Face format, torch:package.module:factory, "
    "torchscript:FILE.pt, a SavedModel directory, FILE.keras, FILE.h5 or FILE.onnx"
)


@dataclass(frozen=True)
class Loader:
    """One kind of source: where its code is, and which extra that code needs."""

    module: str
    function: str
    extra: str

    def load(self, name: str, options: SourceOptions) -> LoadedModel:
        """Import the framework and load.

        Raises:
            ExtraMissing: the framework is not installed.
        """
        try:
            # The only way to a heavy framework, and only once it is asked for.
            module = importlib.import_module(f"{_SOURCES}.{self.module}")
        except ModuleNotFoundError as exc:
            raise ExtraMissing(
                f"This source needs {exc.name}, which is not installed here. Please run "
                "`make setup-export` and use .venv-export/bin/triptych, or in the checkout: "
                f"pip install '.[{self.extra}]'"
            ) from exc
        load: Callable[[str, SourceOptions], LoadedModel] = getattr(module, self.function)
        return load(name, options)


_HF_LOADERS: Final = {
    "image-classification": Loader("hf_image", "load", "export-torch"),
    "text-classification": Loader("hf_text", "load_classifier", "export-torch"),
    "zero-shot": Loader("hf_text", "load_topics", "export-torch"),
}
_OF_TEXTS: Final = (_HF_LOADERS["text-classification"], _HF_LOADERS["zero-shot"])
_FACTORY: Final = Loader("torch_module", "load_factory", "export-torch")
_TORCHSCRIPT: Final = Loader("torch_module", "load_torchscript", "export-torch")
_KERAS: Final = Loader("keras_model", "load_keras", "export-tf")
_SAVED_MODEL: Final = Loader("keras_model", "load_saved_model", "export-tf")
_ONNX: Final = Loader("onnx_file", "load", "export-torch")
_BY_SUFFIX: Final = {".keras": _KERAS, ".h5": _KERAS, ".onnx": _ONNX}
# What `architectures` in config.json ends with -> the task.
_HEADS: Final = {
    "ForImageClassification": "image-classification",
    "ForImageClassificationWithTeacher": "image-classification",
    "ForSequenceClassification": "text-classification",
}


def load_source(source: str, options: SourceOptions) -> LoadedModel:
    """Load a checkpoint and convert it.

    Args:
        source: See FORMS.
        options: What the checkpoint does not say itself.

    Raises:
        OptionInvalid: no such form, or an option that has no meaning for it.
        ExtraMissing: the framework is not installed.
        SourceUnfit: the checkpoint cannot become a release.
    """
    name, loader, is_image = _find_loader(source, options)
    if is_image and options.task not in {None, "image-classification"}:
        raise OptionInvalid(f"This source can only be an image classifier, not {options.task}.")
    if options.weights is not None and loader is not _FACTORY:
        raise OptionInvalid("--weights is for torch:package.module:factory only.")
    if options.max_tokens is not None and loader not in _OF_TEXTS:
        raise OptionInvalid("--max-tokens is for texts only.")
    if options.topics and loader is not _HF_LOADERS["zero-shot"]:
        raise OptionInvalid("--topics is for zero-shot classification only.")
    return loader.load(name, options)


def _find_loader(source: str, options: SourceOptions) -> tuple[str, Loader, bool]:
    """The name without prefix, who loads it, and whether that can only be an image classifier."""
    prefix, _, rest = source.partition(":")
    path = Path(source)
    if prefix == "torch":
        return rest, _FACTORY, True
    if prefix == "torchscript":
        return _existing(rest), _TORCHSCRIPT, True
    if prefix == "hf" or (path / "config.json").is_file():
        name = rest if prefix == "hf" else source
        _check_no_transform(options)
        return name, _HF_LOADERS[options.task or _guess_task(name, options)], False
    if (path / "saved_model.pb").is_file():
        return source, _SAVED_MODEL, True
    if path.suffix in _BY_SUFFIX:
        return _existing(source), _BY_SUFFIX[path.suffix], True
    raise OptionInvalid(f"{source!r} is no source that is known. There are: {FORMS}.")


def _existing(name: str) -> str:
    if not Path(name).is_file():
        raise OptionInvalid(f"There is no file {name}.")
    return name


def _check_no_transform(options: SourceOptions) -> None:
    if options.transform:
        given = ", ".join(options.transform)
        raise OptionInvalid(f"This source brings its own transform; leave out {given}.")


def _guess_task(name: str, options: SourceOptions) -> str:
    """What config.json says; topics turn an encoder into a classifier.

    Raises:
        OptionInvalid: it does not say.
        SourceUnfit: config.json is damaged.
    """
    if options.topics:
        return "zero-shot"
    config = Path(name) / "config.json"
    if not config.is_file():
        config = _download_config(name)
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
        architecture = str(next(iter(content.get("architectures") or [""])))
    except (OSError, ValueError, AttributeError, TypeError) as exc:
        raise SourceUnfit(f"{config} cannot be read: {exc}") from exc
    for ending, task in _HEADS.items():
        if architecture.endswith(ending):
            return task
    raise OptionInvalid(
        f"{name} is a {architecture or 'model that names no architecture'}, which classifies "
        "neither images nor texts. For a sentence encoder give --topics; otherwise say --task."
    )


def _download_config(name: str) -> Path:
    try:
        # Heavy in what it imports, and needed for the hub alone.
        files = importlib.import_module(f"{_SOURCES}.hf_files")
    except ModuleNotFoundError as exc:
        raise ExtraMissing(
            f"Downloading needs {exc.name}, which is not installed here. Please run "
            "`make setup-export` and use .venv-export/bin/triptych."
        ) from exc
    folder: Path = files.find_checkpoint(name)
    return folder / "config.json"
