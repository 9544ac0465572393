"""Every kind of source becomes a release that answers as its framework does."""

from __future__ import annotations

import json

import pytest

from tests.export.coloured_pictures import COLOURS
from tests.export.exported_sources import IMAGES, NAMES, TEXTS, ExportedSources
from tests.export.graph_rules import assert_graph_rules, load_graph
from triptych.release import find_releases

FRAMEWORKS = {
    "torch-safetensors": "PyTorch",
    "torch-pt": "PyTorch",
    "torchscript": "PyTorch",
    "onnx": "ONNX",
    "keras": "Keras",
    "h5": "Keras",
    "savedmodel": "TensorFlow",
}
SIZES = {
    "resnet": (64, 64),
    "vit": (32, 32),
    "convnext": (384, 384),
    "mobilenet": (64, 64),
    "efficientnet": (64, 64),
    "mobilevit": (64, 64),
    "grey": (28, 28),
    "keras": (32, 32),
    "h5": (32, 32),
    "savedmodel": (32, 32),
}

each_source = pytest.mark.parametrize("name", NAMES)


@each_source
def test_the_served_release_answers_as_its_source_does(exports: ExportedSources, name: str) -> None:
    exported = exports[name]

    report = exported.report
    assert report.failures == ()
    assert report.is_meaningful
    assert exported.promotable
    assert report.top_1_agreement == 1.0
    assert report.classes_met == len(COLOURS)
    assert report.model_scores.largest < 1e-3
    if name in IMAGES:  # by quick preprocessing: a level or two beside, seldom more
        assert report.features.mean < 0.15
        assert report.features.largest < 8
    else:
        assert report.features.largest < 1e-9


def test_a_network_that_the_default_engine_does_not_take_gets_another(
    exports: ExportedSources,
) -> None:
    """EfficientNet's last pooling is larger than what it pools, which OpenVINO refuses."""
    exported = exports["efficientnet"]
    assert exported.draft.engine == "onnxruntime"
    assert {name for name, it in exported.engines.items() if it.passed} == {"onnxruntime"}
    assert exports["resnet"].draft.engine == "openvino"


@each_source
def test_the_graph_is_one_that_every_engine_takes(exports: ExportedSources, name: str) -> None:
    assert_graph_rules(load_graph(exports[name]))


@each_source
def test_the_certificate_tells_where_a_release_comes_from_and_what_the_gate_said(
    exports: ExportedSources, name: str
) -> None:
    folder = exports[name].folder
    assert folder is not None

    certificate = json.loads((folder / "release.json").read_text())

    task = "text-classification" if name in TEXTS else "image-classification"
    assert (certificate["name"], certificate["number"]) == (name, 1)
    assert (certificate["task"], certificate["precision"]) == (task, "fp32")
    assert (certificate["promotable"], certificate["forced"]) == (True, False)
    assert certificate["labels"] == list(COLOURS)
    assert certificate["top_k"] == len(COLOURS)
    assert certificate["parity"]["passed"] is True
    expected = FRAMEWORKS.get(name, "PyTorch (transformers)")
    assert certificate["source"]["framework"] == expected
    assert certificate["source"]["framework_version"]
    transform = certificate["transform"]
    if name in IMAGES:
        size = (transform["height_pixels"], transform["width_pixels"])
        assert size == SIZES.get(name, (24, 32))
    else:
        assert transform["max_tokens"] == 64
    assert 0 < certificate["multiply_accumulates"] < 500_000_000
    threads = (folder.with_name(f"{name}_r1_model") / "config.pbtxt").read_text()
    threads_of = {"onnxruntime": "intra_op_thread_count", "openvino": "INFERENCE_NUM_THREADS"}
    assert f'key: "{threads_of[certificate["engine"]]}" value: {{ string_value: "1" }}' in threads
    page = (folder / "parity.md").read_text()
    assert page.startswith(f"# Parity of {name}_r1 with its source: passed\n")


@each_source
def test_canaries_replay_pictures_of_every_colour_that_are_answered_right(
    exports: ExportedSources, name: str
) -> None:
    folder = exports[name].folder
    assert folder is not None

    golden = json.loads((folder / "release.json").read_text())["golden"]

    assert len(golden) == 12
    right = set()
    for item in golden:
        content = (folder / "golden" / item["file"]).read_bytes()
        if item["label"] in (content.decode() if name in TEXTS else item["file"]):
            right.add(item["label"])
    assert right == set(COLOURS)


def test_all_of_them_are_found_in_one_repository(exports: ExportedSources) -> None:
    for name in NAMES:
        assert exports[name].folder

    assert {release.alias for release in find_releases(exports.repository)} == set(NAMES)
