"""A checkpoint that cannot become a release: one sentence, and nothing is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import pytest
import safetensors.torch
import torch
import transformers

from tests.export.checkpoints import fitted_colour_net
from tests.export.export_command import as_arguments, assert_refused, run_export
from tests.export.exported_sources import FACTORY, TRANSFORM, ExportedSources
from tests.export.odd_networks import Intruder
from triptych.export.loaded_model import SourceOptions
from triptych.release import find_releases

TRANSFORM_ARGUMENTS = as_arguments(SourceOptions(transform=TRANSFORM), Path())


def copy_of(exports: ExportedSources, name: str, folder: Path) -> Path:
    return Path(shutil.copytree(exports.source(name).source, folder / name))


def change_json(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_weights_that_are_missing_are_named_and_not_made_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    folder = copy_of(exports, "resnet", tmp_path)
    file = folder / "model.safetensors"
    weights = safetensors.torch.load_file(file)
    del weights["classifier.1.weight"]
    safetensors.torch.save_file(weights, file, metadata={"format": "pt"})

    ended = run_export(monkeypatch, tmp_path / "models", folder)

    assert_refused(ended, tmp_path / "models", "lacks classifier.1.weight", "made them up")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop("head.bias"), "lacks head.bias"),
        (lambda weights: weights.update(more=torch.zeros(1)), "no place for more"),
        (lambda weights: weights.update({"head.bias": torch.zeros(4)}), "head.bias"),
    ],
    ids=["missing", "unexpected", "of another shape"],
)
def test_a_state_dict_has_to_fit_its_factory_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Any, words: str
) -> None:
    weights = fitted_colour_net().state_dict()
    change(weights)
    safetensors.torch.save_file(weights, tmp_path / "colours.safetensors")
    given = ("--weights", tmp_path / "colours.safetensors")

    ended = run_export(monkeypatch, tmp_path / "models", FACTORY, *given, *TRANSFORM_ARGUMENTS)

    assert_refused(ended, tmp_path / "models", words)


def test_a_pickle_with_more_than_weights_is_refused_and_its_code_does_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    torch.save({"weights": torch.zeros(1), "more": Intruder(trace)}, tmp_path / "colours.pt")
    given = ("--weights", tmp_path / "colours.pt")

    ended = run_export(monkeypatch, tmp_path / "models", FACTORY, *given, *TRANSFORM_ARGUMENTS)

    assert_refused(ended, tmp_path / "models", "colours.pt", "would run code", "safetensors")
    assert not trace.exists()
    torch.load(tmp_path / "colours.pt", weights_only=False)
    assert trace.exists()  # so it would have run


def test_a_checkpoint_with_nothing_but_a_malicious_pickle_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    folder, trace = copy_of(exports, "resnet", tmp_path), tmp_path / "trace"
    (folder / "model.safetensors").unlink()
    torch.save({"classifier.1.weight": Intruder(trace)}, folder / "pytorch_model.bin")

    ended = run_export(monkeypatch, tmp_path / "models", folder)

    assert_refused(ended, tmp_path / "models", str(folder), "would run code", "safetensors")
    assert not trace.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert trace.exists()  # so it would have run


def test_a_keras_layer_that_brings_code_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layers = [keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Flatten()]
    keras.Sequential(layers).save(tmp_path / "colours.keras")

    ended = run_export(monkeypatch, tmp_path / "models", tmp_path / "colours.keras")

    assert_refused(ended, tmp_path / "models", "colours.keras", "cannot be loaded by Keras")


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("EigenNet", ("cannot be exported to ONNX", "linalg_eigvalsh")),
        ("TwoAnswers", ("answers tuple", "one tensor [N, classes]")),
        ("raises", ("cannot be called", "where is my configuration")),
        ("no_module", ("gives a str", "torch.nn.Module")),
        ("missing", ("cannot be called", "missing")),
    ],
)
def test_a_network_that_cannot_be_served_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    factory: str,
    words: tuple[str, ...],
) -> None:
    source = f"torch:tests.export.odd_networks:{factory}"

    ended = run_export(monkeypatch, tmp_path / "models", source, *TRANSFORM_ARGUMENTS)

    assert_refused(ended, tmp_path / "models", *words)
    assert capfd.readouterr().out == ""  # no dump of a graph past Python's stdout


def test_a_text_checkpoint_is_no_image_classifier(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    source = exports.source("bert").source
    task = ("--task", "image-classification")

    ended = run_export(monkeypatch, tmp_path / "models", source, *task)

    assert_refused(ended, tmp_path / "models", source, "BertConfig")


@pytest.mark.parametrize("name", ["resnet", "bert"])
def test_a_head_whose_classes_do_not_exclude_each_other_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources, name: str
) -> None:
    folder = copy_of(exports, name, tmp_path)
    change_json(folder / "config.json", problem_type="multi_label_classification")

    ended = run_export(monkeypatch, tmp_path / "models", folder)

    assert_refused(ended, tmp_path / "models", "multi_label_classification", "single-label")


def test_a_checkpoint_that_does_not_tell_its_transform_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    folder = copy_of(exports, "resnet", tmp_path)
    (folder / "preprocessor_config.json").unlink()

    ended = run_export(monkeypatch, tmp_path / "models", folder)

    assert_refused(ended, tmp_path / "models", "no preprocessor_config.json")


def test_a_processor_whose_pictures_have_no_fixed_size_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    folder = copy_of(exports, "resnet", tmp_path)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 64}, do_center_crop=False)
    processor.save_pretrained(folder)

    ended = run_export(monkeypatch, tmp_path / "models", folder)

    assert_refused(ended, tmp_path / "models", "keeps the aspect ratio and crops nothing")


def test_a_name_on_the_hub_is_told_apart_from_a_directory_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task = ("--task", "image-classification")
    hub = run_export(monkeypatch, tmp_path / "models", "hf:nobody/nothing", *task)
    local = run_export(monkeypatch, tmp_path / "models", f"hf:{tmp_path}/absent", *task)

    assert_refused(hub, tmp_path / "models", "nobody/nothing", "hub does not answer", "directory")
    assert_refused(local, tmp_path / "models", "There is no directory", "no hub id")


def test_a_checkpoint_without_weights_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    folder = copy_of(exports, "resnet", tmp_path)
    (folder / "model.safetensors").unlink()

    ended = run_export(monkeypatch, tmp_path / "models", folder)

    assert_refused(ended, tmp_path / "models", "holds no weights")


def test_releases_that_were_there_stay_as_they_were(
    monkeypatch: pytest.MonkeyPatch, exports: ExportedSources
) -> None:
    folder = exports["onnx"].folder
    assert folder is not None
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    entries = set(exports.repository.iterdir())
    own = ("--name", "onnx", "--number", 1)

    source = exports.source("onnx").source
    ended = run_export(monkeypatch, exports.repository, source, *own, *TRANSFORM_ARGUMENTS)

    assert ended.exit_code == 1
    assert ended.errors == (
        "Error: onnx_r1 exists and releases are immutable; take the next number.\n"
    )
    assert set(exports.repository.iterdir()) == entries
    assert {file: file.read_bytes() for file in before} == before
    assert "onnx" in {release.alias for release in find_releases(exports.repository)}
