"""Static quantisation: behind the same gate, with a weaker demand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.export.export_command import NOT_PROMOTABLE, assert_refused, run_export
from tests.export.exported_sources import ExportedSources, Silent
from tests.export.graph_rules import assert_graph_rules, load_graph, onnx_file
from triptych.export.exporter import Exported, export


@pytest.fixture(scope="module")
def quantised(exports: ExportedSources, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    request = exports.request(
        "resnet",
        model_repository=tmp_path_factory.mktemp("int8"),
        precision="int8",
        calibration=exports.calibration_pictures,
    )
    return export(request, Silent())


def test_a_quantised_network_passes_the_gate_of_98_percent(quantised: Exported) -> None:
    assert quantised.report.failures == ()
    assert quantised.report.tolerances.top_1 == 0.98
    assert quantised.report.is_meaningful
    assert quantised.promotable


def test_it_runs_on_openvino_and_may_be_switched_to_onnx_runtime(quantised: Exported) -> None:
    assert quantised.folder is not None
    told = json.loads((quantised.folder / "release.json").read_text())

    assert told["engine"] == "openvino"
    assert {name: it["passed"] for name, it in told["engines"].items()} == {
        "openvino": True,
        "onnxruntime": True,
    }
    assert all(len(it["golden"]) == len(told["golden"]) for it in told["engines"].values())


def test_a_quantised_graph_has_qdq_nodes_and_keeps_the_rules_of_every_graph(
    quantised: Exported,
) -> None:
    graph = load_graph(quantised)

    kinds = [node.op_type for node in graph.graph.node]
    assert kinds.count("QuantizeLinear") > 3
    assert kinds.count("DequantizeLinear") > kinds.count("Conv")
    assert_graph_rules(graph)


def test_the_normalisation_stays_exact(quantised: Exported) -> None:
    front = [node for node in load_graph(quantised).graph.node if node.name.startswith("front_")]

    assert [node.op_type for node in front] == ["Cast", "Mul", "Add", "Transpose"]
    fed = [node.input[0] for node in front]
    assert fed == ["PIXELS", *(node.output[0] for node in front[:-1])]


def test_the_certificate_says_int8_and_what_it_was_calibrated_on(
    exports: ExportedSources, quantised: Exported
) -> None:
    assert quantised.folder is not None

    certificate = json.loads((quantised.folder / "release.json").read_text())

    assert certificate["precision"] == "int8"
    assert certificate["source"]["calibration"] == exports.calibration_pictures.name


def test_a_quantised_network_is_less_than_half_as_large_and_computes_as_much(
    exports: ExportedSources, quantised: Exported
) -> None:
    plain = exports["resnet"].folder
    assert plain is not None
    assert quantised.folder is not None

    sizes = [onnx_file(folder).stat().st_size for folder in (plain, quantised.folder)]
    told = [json.loads((it / "release.json").read_text()) for it in (plain, quantised.folder)]

    assert sizes[1] < sizes[0] / 2
    assert told[1]["multiply_accumulates"] == told[0]["multiply_accumulates"]


def test_int8_without_typical_inputs_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    source = exports.source("resnet").source

    ended = run_export(monkeypatch, tmp_path / "models", source, "--precision", "int8")

    assert_refused(ended, tmp_path / "models", "--calibration")


@pytest.mark.parametrize(("force", "exit_code"), [((), NOT_PROMOTABLE), (("--force",), 0)])
def test_a_network_that_eight_bits_ruin_is_promotable_only_by_force(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    exports: ExportedSources,
    force: tuple[str, ...],
    exit_code: int,
) -> None:
    int8 = ("--precision", "int8", "--calibration", exports.calibration_pictures)
    own = ("--golden", exports.pictures)
    source = exports.source("mobilenet").source

    ended = run_export(monkeypatch, tmp_path, source, *int8, *own, *force)

    assert ended.exit_code == exit_code, ended.errors
    folder = tmp_path / "colours_r1"
    certificate = json.loads((folder / "release.json").read_text())
    assert certificate["promotable"] is bool(force)
    assert certificate["forced"] is bool(force)
    assert certificate["parity"]["passed"] is False
    assert certificate["parity"]["disagreements"]
    assert "parity gate: top-1 agreement is" in ended.output
    assert ("NOT promotable" in ended.output) is (not force)
    page = (folder / "parity.md").read_text()
    assert ("made promotable by --force" in page) is bool(force)
