"""A directory in Hugging Face format, from disk or from the hub."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
import transformers
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from triptych.errors import SourceUnfit, first_line
from triptych.export.refusal import refusing

Model = TypeVar("Model")
_SMALL: Final = ("*.json", "*.txt", "*.model")
_SAFETENSORS: Final = ("model.safetensors", "model.safetensors.index.json")
_PICKLE: Final = ("pytorch_model.bin", "pytorch_model.bin.index.json")


def find_checkpoint(name: str) -> Path:
    """Find a directory, or download a repository of the hub with a progress bar.

    Args:
        name: A path, or ORG/NAME.

    Raises:
        SourceUnfit: it is neither, the hub cannot be reached, or there are no weights in it.
    """
    folder = Path(name) if Path(name).is_dir() else _download(name)
    if not (folder / "config.json").is_file():
        raise SourceUnfit(f"{name} holds no config.json, so it is not in Hugging Face format.")
    if not any((folder / file).is_file() for file in _SAFETENSORS + _PICKLE):
        raise SourceUnfit(f"{name} holds no weights: neither model.safetensors nor a .bin file.")
    return folder


def _download(name: str) -> Path:
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise SourceUnfit(f"There is no directory {name}, and it is no hub id (ORG/NAME) either.")
    try:
        folder = Path(snapshot_download(name, allow_patterns=[*_SMALL, "*.safetensors"]))
        if not any((folder / file).is_file() for file in _SAFETENSORS):
            folder = Path(snapshot_download(name, allow_patterns=[*_SMALL, "pytorch_model*.bin*"]))
    except LocalEntryNotFoundError as exc:
        raise SourceUnfit(
            f"{name} cannot be downloaded: the hub does not answer. Download it where there is a "
            "network and give the directory instead."
        ) from exc
    except (HfHubHTTPError, OSError, ValueError) as exc:
        raise SourceUnfit(f"{name} cannot be downloaded from the hub: {first_line(exc)}") from exc
    return folder


def read_json(folder: Path, name: str) -> Any:  # noqa: ANN401 - an object, or a list
    """Read one JSON file; an empty object where it is absent.

    Raises:
        SourceUnfit: it is damaged.
    """
    file = folder / name
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise SourceUnfit(f"{file} is not JSON: {exc}") from exc


def load_weights(kind: type[Any], folder: Path, *, not_needed: str | None = None) -> Any:  # noqa: ANN401 - transformers' classes
    """Load a checkpoint into a transformers class, whole or not at all, and never run its code.

    Args:
        kind: One of transformers' Auto classes.
        folder: The checkpoint.
        not_needed: Weights whose names start so may be missing: nothing of them is used.

    Raises:
        SourceUnfit: weights are missing or of the wrong shape, or only a pickle that runs code
            would bring them.
    """
    has_safetensors = any((folder / file).is_file() for file in _SAFETENSORS)
    with refusing(f"{folder} cannot be loaded"):
        try:
            model, report = kind.from_pretrained(
                folder,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=has_safetensors,
                weights_only=True,
                attn_implementation="eager",  # the one that tracing can follow
                dtype=torch.float32,  # half precision on disk is not half precision served
            )
        except pickle.UnpicklingError as exc:
            raise SourceUnfit(
                f"{folder} holds more than weights, and loading it would run code that it brings. "
                "Take a checkpoint in safetensors."
            ) from exc
    _check_whole(key for key in report["missing_keys"] if not _is_within(key, not_needed))
    return model.eval()


def _is_within(key: str, part: str | None) -> bool:
    return part is not None and key.startswith(part)


def _check_whole(missing_keys: Iterable[str]) -> None:
    missing = sorted(missing_keys)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise SourceUnfit(
            f"The checkpoint lacks {', '.join(missing[:3])}{more}; transformers would have made "
            "them up."
        )


def check_single_label(config: Any) -> None:  # noqa: ANN401 - transformers' own type
    """See that the classes of a head exclude each other.

    Raises:
        SourceUnfit: they do not, or there are none.
    """
    problem = getattr(config, "problem_type", None)
    if problem in {"multi_label_classification", "regression"}:
        raise SourceUnfit(
            f"The head is for {problem}; only single-label classification can be served."
        )


def own_labels(config: Any) -> list[str] | None:  # noqa: ANN401 - transformers' own type
    """The checkpoint's own labels in the order of its classes; None where it names none.

    Raises:
        SourceUnfit: their numbers are not 0, 1, 2 and so on, so that none can be trusted.
    """
    names = getattr(config, "id2label", None)
    if not names:
        return None
    if sorted(names) != list(range(len(names))):
        raise SourceUnfit("id2label in config.json does not number its labels 0, 1, 2 and so on.")
    return [str(names[number]) for number in range(len(names))]


def quietly(load: Callable[[], Model]) -> Model:
    """Call transformers without its progress bars and advice; ours says what is going on."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return load()


def origin(name: str, folder: Path, architecture: str) -> dict[str, str]:
    """What release.json says of where the model came from."""
    commit = read_json(folder, "config.json").get("_commit_hash")
    return {
        "framework": "PyTorch (transformers)",
        "framework_version": transformers.__version__,
        "checkpoint": Path(name).name if Path(name).is_dir() else name,
        "architecture": architecture,
        **({"checkpoint_commit": str(commit)} if commit else {}),
    }
