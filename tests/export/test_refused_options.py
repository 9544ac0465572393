"""Options and files that make no sense: one sentence, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from tests.export.checkpoints import fitted_colour_net
from tests.export.export_command import as_arguments, assert_refused, run_export
from tests.export.exported_sources import FACTORY, LABELS, TRANSFORM, ExportedSources
from triptych.export.loaded_model import SourceOptions
from triptych.export.sources.torch_graph import trace

TRANSFORM_ARGUMENTS = as_arguments(SourceOptions(transform=TRANSFORM), Path())
EXAMPLE = torch.zeros(2, 3, 24, 32)


def save_onnx(file: Path, network: torch.nn.Module) -> Path:
    onnx.save(trace(network, [EXAMPLE]), file)
    return file


@pytest.mark.parametrize("source", ["torch", "bert"])
def test_labels_that_are_not_one_per_class_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources, source: str
) -> None:
    (tmp_path / "labels.txt").write_text("red\ngreen\n")
    labels = ("--labels", tmp_path / "labels.txt")
    arguments = {
        "torch": (FACTORY, *TRANSFORM_ARGUMENTS),
        "bert": (exports.source("bert").source,),
    }

    ended = run_export(monkeypatch, tmp_path / "models", *arguments[source], *labels)

    assert_refused(ended, tmp_path / "models", "2 labels", "3 classes")


@pytest.mark.parametrize("name", ["Upper", "a_b", "7up", "a b", "../x"])
def test_a_name_that_could_not_be_found_again_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    ended = run_export(monkeypatch, tmp_path / "models", "absent.onnx", "--name", name)

    assert_refused(ended, tmp_path / "models", name, "no release name")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("colours.txt", "no source that is known"),
        ("absent.onnx", "There is no file absent.onnx"),
        ("torchscript:absent.pt", "There is no file absent.pt"),
        ("torch:nothing", "package.module:factory"),
        ("torch:no.such.module:net", "No module named"),
    ],
)
def test_a_source_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)

    ended = run_export(monkeypatch, tmp_path / "models", source, *TRANSFORM_ARGUMENTS)

    assert_refused(ended, tmp_path / "models", words)


@pytest.mark.parametrize(
    ("text", "words"),
    [("size: [", "is not YAML"), ("- 224\n", "holds no fields"), ("sise: 224\n", "'sise'")],
)
def test_a_transform_that_cannot_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "transform.yaml").write_text(text)
    given = ("--transform", tmp_path / "transform.yaml")

    ended = run_export(monkeypatch, tmp_path / "models", FACTORY, *given)

    assert_refused(ended, tmp_path / "models", words)


def test_an_option_wins_over_the_file_with_the_transform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    (tmp_path / "transform.yaml").write_text("size: 97x97\nchannels: gray\n")
    given = ("--transform", tmp_path / "transform.yaml", "--size")
    source = exports.source("onnx").source

    wrong_size = run_export(monkeypatch, tmp_path / "models", source, *given, "98x98")
    wrong_colour = run_export(monkeypatch, tmp_path / "models", source, *given, "24x32")

    assert_refused(wrong_size, tmp_path / "models", "size is '98x98'")
    assert_refused(wrong_colour, tmp_path / "models", "takes 3 colour channels")


def test_a_factory_says_nothing_of_its_input_so_the_size_has_to_be_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = run_export(monkeypatch, tmp_path / "models", FACTORY)

    assert_refused(ended, tmp_path / "models", "give --size")


def test_a_checkpoint_with_a_transform_of_its_own_takes_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    source = exports.source("resnet").source

    ended = run_export(monkeypatch, tmp_path / "models", source, "--size", "224")

    assert_refused(ended, tmp_path / "models", "brings its own transform", "leave out size")


def test_an_onnx_network_that_ends_in_a_sigmoid_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    network = torch.nn.Sequential(fitted_colour_net(), torch.nn.Sigmoid())
    file = save_onnx(tmp_path / "colours.onnx", network)

    ended = run_export(monkeypatch, tmp_path / "models", file, *TRANSFORM_ARGUMENTS)

    assert_refused(ended, tmp_path / "models", "ends in a sigmoid", "single-label")


def test_an_onnx_network_that_needs_a_newer_operator_set_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nodes = [
        helper.make_node("Gelu", ["image"], ["active"]),  # since operator set 20
        helper.make_node("Flatten", ["active"], ["scores"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 2, 2])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 4])
    graph = helper.make_graph(nodes, "new", [image], [scores])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, tmp_path / "new.onnx")
    grey = ("--channels", "gray", "--layout", "nchw")

    ended = run_export(monkeypatch, tmp_path / "models", tmp_path / "new.onnx", *grey)

    assert_refused(ended, tmp_path / "models", "opset 20", "cannot be brought to 17")


def test_a_file_that_only_is_called_onnx_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "colours.onnx").write_bytes(b"\xff not a graph")

    ended = run_export(monkeypatch, tmp_path / "models", tmp_path / "colours.onnx")

    assert_refused(ended, tmp_path / "models", "colours.onnx")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--top-k", 4), "this network has 3 classes"),
        (("--size", "25x32"), "the network takes 24x32"),
        (("--channels", "gray"), "takes 3 colour channels"),
        (("--weights", "{here}/labels.txt"), "--weights is for torch:"),
        (("--task", "text-classification"), "can only be an image classifier"),
        (("--golden", "{here}"), "holds no JPEG, PNG or WebP files"),
    ],
)
def test_options_that_do_not_go_with_the_source_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    exports: ExportedSources,
    options: tuple[object, ...],
    words: str,
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "labels.txt").write_text("\n".join(LABELS))
    given = [str(option).format(here=here) for option in options]

    ended = run_export(monkeypatch, tmp_path / "models", exports.source("onnx").source, *given)

    assert_refused(ended, tmp_path / "models", words)
