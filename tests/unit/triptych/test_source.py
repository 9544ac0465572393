from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from tests.unit.triptych.command_line import run_triptych
from triptych.errors import ExtraMissing, OptionInvalid, SourceUnfit
from triptych.export.loaded_model import SourceOptions, choose_labels
from triptych.export.source import FORMS, load_source

# Every loader imports a framework that this environment must not have, so that the sentence of
# ExtraMissing tells which loader a source went to.
TORCH, KERAS, ONNX = "torch", "keras", "onnx"


def hub_folder(folder: Path, **config: object) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def missing(source: str, **options: object) -> str:
    """The framework that loading this source would need."""
    with pytest.raises(ExtraMissing) as told:
        load_source(source, SourceOptions(**options))  # type: ignore[arg-type]  # each case names some of the options
    found = re.match(r"This source needs (\w+), which is not installed here\.", str(told.value))
    assert found, told.value
    return found[1]


def test_the_light_environment_has_no_framework() -> None:
    assert [name for name in (TORCH, KERAS, ONNX) if importlib.util.find_spec(name)] == []


def test_a_prefix_says_what_a_source_is(tmp_path: Path) -> None:
    script = tmp_path / "colours.pt"
    script.touch()

    assert missing("torch:package.module:factory") == TORCH
    assert missing("torch:package.module:factory", weights=Path("x.pt")) == TORCH
    assert missing(f"torchscript:{script}") == TORCH
    assert missing("hf:org/name", task="image-classification") == TORCH


def test_a_file_is_known_by_its_suffix(tmp_path: Path) -> None:
    for name in ("colours.keras", "colours.h5", "colours.onnx"):
        (tmp_path / name).touch()

    assert missing(str(tmp_path / "colours.keras")) == KERAS
    assert missing(str(tmp_path / "colours.h5")) == KERAS
    assert missing(str(tmp_path / "colours.onnx")) == ONNX


def test_a_directory_is_known_by_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    image = hub_folder(tmp_path / "image", architectures=["ResNetForImageClassification"])
    text = hub_folder(tmp_path / "text", architectures=["BertForSequenceClassification"])

    assert missing(str(tmp_path)) == KERAS
    assert missing(image) == TORCH
    assert missing(f"hf:{text}") == TORCH


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"architectures": ["BertModel"]}, "is a BertModel, which classifies neither"),
        ({"architectures": ["GPT2LMHeadModel"]}, "is a GPT2LMHeadModel"),
        ({}, "is a model that names no architecture"),
        ({"architectures": []}, "is a model that names no architecture"),
    ],
)
def test_an_encoder_needs_topics_or_a_task(
    tmp_path: Path, config: dict[str, object], words: str
) -> None:
    folder = hub_folder(tmp_path, **config)

    with pytest.raises(OptionInvalid, match=f"{words}.*--topics.*--task"):
        load_source(folder, SourceOptions())

    assert missing(folder, topics={"a": "a", "b": "b"}) == TORCH
    assert missing(folder, task="text-classification") == TORCH


@pytest.mark.parametrize("text", ["{", "[]", "\xff"])
def test_a_damaged_configuration_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))

    with pytest.raises(SourceUnfit, match=r"config\.json cannot be read"):
        load_source(str(tmp_path), SourceOptions())


def test_downloading_needs_what_is_not_here_either() -> None:
    with pytest.raises(ExtraMissing, match=r"^Downloading needs torch, .* `make setup-export`"):
        load_source("hf:org/name", SourceOptions())


@pytest.mark.parametrize("source", ["colours.txt", "colours", "", ".", "pytorch:a:b"])
def test_what_is_no_source_is_answered_with_those_that_there_are(source: str) -> None:
    with pytest.raises(OptionInvalid, match=re.escape(f"There are: {FORMS}.")):
        load_source(source, SourceOptions())


@pytest.mark.parametrize("source", ["torchscript:absent.pt", "absent.keras", "absent.onnx"])
def test_a_file_that_is_not_there_is_named(source: str) -> None:
    with pytest.raises(OptionInvalid, match=r"There is no file absent\.\w+\.$"):
        load_source(source, SourceOptions())


def test_options_without_a_meaning_are_refused_before_anything_is_imported(tmp_path: Path) -> None:
    (tmp_path / "colours.onnx").touch()
    onnx_file = str(tmp_path / "colours.onnx")
    folder = hub_folder(tmp_path / "hub", architectures=["ResNetForImageClassification"])

    with pytest.raises(OptionInvalid, match="--weights is for torch:"):
        load_source(onnx_file, SourceOptions(weights=Path("weights.pt")))
    with pytest.raises(OptionInvalid, match="can only be an image classifier, not zero-shot"):
        load_source(onnx_file, SourceOptions(task="zero-shot"))
    with pytest.raises(OptionInvalid, match=r"brings its own transform; leave out size, mean\."):
        load_source(folder, SourceOptions(transform={"size": 224, "mean": 0}))
    with pytest.raises(OptionInvalid, match="--max-tokens is for texts only"):
        load_source(onnx_file, SourceOptions(max_tokens=16))
    with pytest.raises(OptionInvalid, match="--max-tokens is for texts only"):
        load_source(folder, SourceOptions(max_tokens=16))
    with pytest.raises(OptionInvalid, match="--topics is for zero-shot"):
        load_source(onnx_file, SourceOptions(topics={"a": "a", "b": "b"}))
    with pytest.raises(OptionInvalid, match="--topics is for zero-shot"):
        load_source(folder, SourceOptions(topics={"a": "a"}, task="image-classification"))


def test_the_command_says_how_to_get_a_framework_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    where = ("--model-repository", tmp_path / "models")

    ended = run_triptych(monkeypatch, "export", "torch:x:y", "--name", "a", *where)

    assert ended.output.startswith("Loading and converting torch:x:y ...")
    (line,) = ended.errors.splitlines()
    assert line.startswith("Error: This source needs torch")
    assert "`make setup-export`" in line
    assert ".[export-torch]" in line
    assert ended.exit_code == 1
    assert not (tmp_path / "models").exists()


def test_labels_are_those_given_or_the_checkpoints_own_or_numbers() -> None:
    assert choose_labels(["a", "b"], ["x", "y"], 2) == ("a", "b")
    assert choose_labels(None, ["x", "y"], 2) == ("x", "y")
    assert choose_labels(None, None, 3) == ("0", "1", "2")


def test_labels_that_are_not_one_per_class_are_refused_whosever_they_are() -> None:
    with pytest.raises(OptionInvalid, match="There are 1 labels, but the network has 2 classes"):
        choose_labels(["a"], ["x", "y"], 2)
    with pytest.raises(SourceUnfit, match="The checkpoint names 3 labels for 2 classes"):
        choose_labels(None, ["x", "y", "z"], 2)


@pytest.mark.parametrize("label", ["", "  ", "two\nlines", "a\r", "a\u2028b"])
def test_a_label_that_would_not_be_one_line_of_a_file_is_refused(label: str) -> None:
    with pytest.raises(SourceUnfit, match="is no single line of plain text"):
        choose_labels(None, ["a", label], 2)
    with pytest.raises(OptionInvalid, match="is no single line of plain text"):
        choose_labels(["a", label], None, 2)


def test_a_checkpoint_may_name_two_classes_alike_as_imagenet_does_but_nobody_else() -> None:
    assert choose_labels(None, ["crane", "crane"], 2) == ("crane", "crane")
    with pytest.raises(OptionInvalid, match="A label is there twice"):
        choose_labels(["crane", "crane"], None, 2)


def test_a_network_with_one_output_classifies_nothing() -> None:
    with pytest.raises(SourceUnfit, match="has 1 output; two or more classes are needed"):
        choose_labels(None, None, 1)
