from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest

from tests.rules.onnx_subset import read_onnx
from tests.rules.shipped_releases import REPOSITORY, read_config, shipped_releases
from triptych.routing import ReleaseName

RELEASES = shipped_releases()
CHANNEL_MEANS = REPOSITORY.parent / "tests" / "data" / "channel_means.onnx"

each_release = pytest.mark.parametrize("release", RELEASES, ids=str)


def onnx_file(release: ReleaseName) -> Path:
    return REPOSITORY / release.step("model") / "1" / "model.onnx"


@each_release
def test_a_shipped_graph_is_small_enough_for_git(release: ReleaseName) -> None:
    assert onnx_file(release).stat().st_size < 1_000_000


@each_release
def test_older_runtimes_can_load_a_shipped_graph(release: ReleaseName) -> None:
    model = read_onnx(onnx_file(release))

    assert 0 < model.ir_version <= 9
    assert {opset.domain: opset.version <= 17 for opset in model.opset_import} == {"": True}


@each_release
def test_pixels_go_into_one_cast_and_nowhere_else_because_tensorrt_takes_bytes_only_so(
    release: ReleaseName,
) -> None:
    consumers = [
        node.op_type for node in read_onnx(onnx_file(release)).graph.node if "PIXELS" in node.input
    ]

    assert consumers == ["Cast"]


@each_release
def test_a_graph_takes_and_gives_what_its_config_says_for_any_batch_size(
    release: ReleaseName,
) -> None:
    config = read_config(release.step("model"))
    session = onnxruntime.InferenceSession(onnx_file(release), providers=["CPUExecutionProvider"])

    (pixels,), (logits,) = session.get_inputs(), session.get_outputs()

    assert (pixels.name, pixels.type) == ("PIXELS", "tensor(uint8)")
    assert (logits.name, logits.type) == ("LOGITS", "tensor(float)")
    assert pixels.shape[1:] == list(config.input[0].dims)
    assert logits.shape[1:] == list(config.output[0].dims)
    assert isinstance(pixels.shape[0], str)  # a name, so any number
    assert isinstance(logits.shape[0], str)


def test_the_reader_of_graphs_reads_a_graph_that_is_known() -> None:
    model = read_onnx(CHANNEL_MEANS)

    assert model.ir_version == 9
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert [(node.op_type, list(node.input)) for node in model.graph.node] == [
        ("Cast", ["PIXELS"]),
        ("ReduceMean", ["FLOAT"]),
    ]
