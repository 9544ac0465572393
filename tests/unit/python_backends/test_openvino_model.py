from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from python_backends.onnxruntime.network import Network as OnnxRuntimeNetwork
from python_backends.openvino.model import TritonPythonModel
from python_backends.openvino.network import Network, cpu_properties
from python_backends.shared.contract import TensorSpec
from python_backends.shared.errors import ModelAssetError
from python_backends.shared.triton_io import ModelConfig
from tests.fakes.fake_cores import fake_cores
from tests.fakes.fake_pb_utils import TritonError
from tests.unit.python_backends.loading import initialize_arguments, output, request

pytestmark = pytest.mark.usefixtures("triton_log")

ROOT = Path(__file__).resolve().parents[3]
# As in test_onnxruntime_model.py: PIXELS uint8 [N, 2, 2, 3] -> LOGITS float32 [N, 3].
CHANNEL_MEANS = ROOT / "tests" / "data" / "channel_means.onnx"
DIGITS = ROOT / "model_repository" / "digits_r1_model" / "1" / "model.onnx"
PIXELS = TensorSpec("PIXELS", "UINT8", (2, 2, 3))
LOGITS = TensorSpec("LOGITS", "FP32", (3,))


def arguments(
    folder: Path, parameters: dict[str, str] | None = None, file: str | None = "model.onnx"
) -> dict[str, str]:
    return initialize_arguments(
        folder, inputs=[PIXELS], outputs=[LOGITS], parameters=parameters, model_file=file
    )


def model_folder(tmp_path: Path) -> Path:
    (tmp_path / "1").mkdir()
    shutil.copy(CHANNEL_MEANS, tmp_path / "1" / "model.onnx")
    return tmp_path


def loaded(tmp_path: Path) -> TritonPythonModel:
    model = TritonPythonModel()
    model.initialize(arguments(model_folder(tmp_path)))
    return model


def pictures(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48, 3), np.uint8)


def test_requests_are_answered_by_one_inference(tmp_path: Path) -> None:
    grey = np.full((1, 2, 2, 3), 9, np.uint8)
    colours = np.array([[[[1, 10, 100]] * 2] * 2, [[[2, 20, 200]] * 2] * 2], np.uint8)

    first, second = loaded(tmp_path).execute([request(PIXELS=grey), request(PIXELS=colours)])

    assert output(first, "LOGITS").tolist() == [[9, 9, 9]]
    assert output(second, "LOGITS").tolist() == [[1, 10, 100], [2, 20, 200]]
    assert output(second, "LOGITS").dtype == np.float32


def test_items_of_a_batch_of_any_size_are_answered_in_their_order(tmp_path: Path) -> None:
    model = loaded(tmp_path)

    for size in (1, 11, 4, 3, 32):
        colours = np.arange(size, dtype=np.uint8).repeat(12).reshape(size, 2, 2, 3)
        (response,) = model.execute([request(PIXELS=colours)])
        assert output(response, "LOGITS").tolist() == [[item] * 3 for item in range(size)]


def test_a_model_in_openvinos_own_format_is_what_is_loaded_unless_another_file_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "1").mkdir()
    openvino.save_model(openvino.Core().read_model(CHANNEL_MEANS), tmp_path / "1" / "model.xml")
    model = TritonPythonModel()
    model.initialize(arguments(tmp_path, file=None))

    (response,) = model.execute([request(PIXELS=np.full((1, 2, 2, 3), 7, np.uint8))])

    assert output(response, "LOGITS").tolist() == [[7, 7, 7]]


def test_what_openvino_refuses_is_answered_internal_without_its_words(tmp_path: Path) -> None:
    wrong = request(PIXELS=np.zeros((1, 5, 2, 3), np.uint8))

    (response,) = loaded(tmp_path).execute([wrong])

    assert response.error().code() == TritonError.INTERNAL
    assert response.error().message() == "the step failed"


def test_fp32_is_fp32_also_where_the_cpu_has_bf16() -> None:
    feeds = {"PIXELS": pictures(4)}
    (expected,) = OnnxRuntimeNetwork(DIGITS, intra_op_threads=1).infer(feeds, ["LOGITS"])

    (answered,) = Network(DIGITS, {"INFERENCE_NUM_THREADS": "1"}).infer(feeds, ["LOGITS"])

    np.testing.assert_allclose(answered, expected, atol=1e-4)


@pytest.mark.parametrize(("parameters", "precision"), [({}, "f32"), ({"HINT_BF16": "yes"}, "bf16")])
def test_bf16_is_computed_only_where_the_configuration_asks_for_it(
    parameters: dict[str, str], precision: str
) -> None:
    if "BF16" not in capabilities():
        precision = "f32"  # a hint, which a CPU without bf16 cannot follow
    network = Network(DIGITS, parameters)

    compiled = (network.single, network.parts)
    hints = [it.get_property("INFERENCE_PRECISION_HINT").to_string() for it in compiled]
    assert set(hints) == {precision}


def capabilities() -> list[str]:
    found: list[str] = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return found


def test_one_stream_and_no_pinning_unless_the_configuration_says_otherwise() -> None:
    compiled = Network(DIGITS, {"INFERENCE_NUM_THREADS": "1"}).single

    assert compiled.get_property("NUM_STREAMS") == 1
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert compiled.get_property("ENABLE_CPU_PINNING") is False


def test_each_of_several_threads_takes_parts_of_a_batch_and_all_of_them_a_single_item() -> None:
    network = Network(DIGITS, {"INFERENCE_NUM_THREADS": "2"})

    assert network.single.get_property("NUM_STREAMS") == 1
    assert network.parts.get_property("NUM_STREAMS") == 2
    assert network.parts.get_property("INFERENCE_NUM_THREADS") == 2


@pytest.mark.parametrize("threads", ["1", "2", "3"])
@pytest.mark.parametrize("size", [1, 2, 5, 6, 12, 17, 32])
def test_a_batch_of_any_size_is_answered_as_its_items_alone_are(threads: str, size: int) -> None:
    feeds = pictures(size)
    network = Network(DIGITS, {"INFERENCE_NUM_THREADS": threads})

    (together,) = network.infer({"PIXELS": feeds}, ["LOGITS"])

    alone = [network.infer({"PIXELS": it[None]}, ["LOGITS"])[0][0] for it in feeds]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_an_error_in_one_part_leaves_none_of_the_others_at_work() -> None:
    network = Network(DIGITS, {"INFERENCE_NUM_THREADS": "2"})
    with pytest.raises(RuntimeError):
        network.infer({"PIXELS": pictures(8)}, ["no such output"])

    (answered,) = network.infer({"PIXELS": pictures(8)}, ["LOGITS"])

    assert answered.shape == (8, 10)


def test_no_threads_are_all_cores_which_the_instances_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_cores(monkeypatch, 4)
    four_of_them = initialize_arguments(
        model_folder(tmp_path),
        inputs=[PIXELS],
        outputs=[LOGITS],
        parameters={"INFERENCE_NUM_THREADS": "0"},
        model_file="model.onnx",
        instances=4,
    )

    network = TritonPythonModel().open_network(ModelConfig.from_arguments(four_of_them))

    compiled = (network.single, network.parts)
    assert [it.get_property("INFERENCE_NUM_THREADS") for it in compiled] == [1, 1]
    assert cpu_properties({"INFERENCE_NUM_THREADS": "0"})["INFERENCE_NUM_THREADS"] == "4"


def test_the_native_backends_parameters_become_openvinos_properties() -> None:
    given = {"num_streams": "no parameter", "NUM_STREAMS": "auto", "PERFORMANCE_HINT": "latency"}

    properties = cpu_properties({**given, "ENABLE_BATCH_PADDING": "YES"})

    assert properties == {
        "NUM_STREAMS": "AUTO",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": "NO",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HINT_BF16", "NO"),
        ("TARGET_DEVICE", "GPU"),
        ("CPU_EXTENSION_PATH", "/lib/own.so"),
        ("RESHAPE_IO_LAYERS", "YES"),
    ],
)
def test_a_parameter_that_the_stand_in_cannot_follow_does_not_load(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(ModelAssetError, match=name):
        TritonPythonModel().initialize(arguments(model_folder(tmp_path), {name: value}))


def test_a_model_without_its_file_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(ModelAssetError, match=r"digits_r1_step: 1/model\.xml is missing"):
        TritonPythonModel().initialize(arguments(tmp_path, file=None))
