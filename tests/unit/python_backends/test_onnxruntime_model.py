from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from python_backends.onnxruntime.model import TritonPythonModel
from python_backends.onnxruntime.network import Network
from python_backends.shared.contract import TensorSpec
from python_backends.shared.errors import ModelAssetError
from python_backends.shared.triton_io import ModelConfig
from tests.fakes.fake_cores import fake_cores
from tests.fakes.fake_pb_utils import TritonError
from tests.unit.python_backends.loading import initialize_arguments, output, request

pytestmark = pytest.mark.usefixtures("triton_log")

# PIXELS uint8 [N, 2, 2, 3] -> Cast -> ReduceMean(axes=[1, 2]) -> LOGITS float32 [N, 3].
# Made with onnx.helper in .venv-export: two make_node calls, opset 17, ir_version 9.
CHANNEL_MEANS = Path(__file__).resolve().parents[2] / "data" / "channel_means.onnx"
PIXELS = TensorSpec("PIXELS", "UINT8", (2, 2, 3))
LOGITS = TensorSpec("LOGITS", "FP32", (3,))


def arguments(folder: Path, parameters: dict[str, str] | None = None) -> dict[str, str]:
    return initialize_arguments(folder, inputs=[PIXELS], outputs=[LOGITS], parameters=parameters)


def model_folder(tmp_path: Path) -> Path:
    (tmp_path / "1").mkdir()
    shutil.copy(CHANNEL_MEANS, tmp_path / "1" / "model.onnx")
    return tmp_path


def test_requests_are_answered_by_one_run_of_the_graph(tmp_path: Path) -> None:
    model = TritonPythonModel()
    model.initialize(arguments(model_folder(tmp_path)))
    grey = np.full((1, 2, 2, 3), 9, np.uint8)
    colours = np.array([[[[1, 10, 100]] * 2] * 2, [[[2, 20, 200]] * 2] * 2], np.uint8)

    first, second = model.execute([request(PIXELS=grey), request(PIXELS=colours)])

    assert output(first, "LOGITS").tolist() == [[9, 9, 9]]
    assert output(second, "LOGITS").tolist() == [[1, 10, 100], [2, 20, 200]]
    assert output(second, "LOGITS").dtype == np.float32


def test_what_onnx_runtime_refuses_is_answered_internal_without_its_words(tmp_path: Path) -> None:
    model = TritonPythonModel()
    model.initialize(arguments(model_folder(tmp_path)))

    (response,) = model.execute([request(PIXELS=np.zeros((1, 5, 2, 3), np.uint8))])

    assert response.error().code() == TritonError.INTERNAL
    assert response.error().message() == "the step failed"


def test_the_native_backends_thread_parameters_are_honoured(tmp_path: Path) -> None:
    parameters = {"intra_op_thread_count": "1", "inter_op_thread_count": "2"}
    config = ModelConfig.from_arguments(arguments(model_folder(tmp_path), parameters))

    options = TritonPythonModel().open_network(config).session.get_session_options()

    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 2)


def test_no_threads_are_all_cores_which_the_instances_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_cores(monkeypatch, 4)
    two_of_them = initialize_arguments(
        model_folder(tmp_path),
        inputs=[PIXELS],
        outputs=[LOGITS],
        parameters={"intra_op_thread_count": "0"},
        instances=2,
    )

    network = TritonPythonModel().open_network(ModelConfig.from_arguments(two_of_them))

    assert network.session.get_session_options().intra_op_num_threads == 2


@pytest.mark.parametrize("kind", ["intra_op", "inter_op"])
def test_idle_threads_sleep(kind: str) -> None:
    options = Network(CHANNEL_MEANS).session.get_session_options()

    assert options.get_session_config_entry(f"session.{kind}.allow_spinning") == "0"


def test_a_file_of_another_name_is_loaded_where_the_configuration_names_it(tmp_path: Path) -> None:
    (model_folder(tmp_path) / "1" / "model.onnx").rename(tmp_path / "1" / "other.onnx")
    named = initialize_arguments(
        tmp_path, inputs=[PIXELS], outputs=[LOGITS], model_file="other.onnx"
    )
    model = TritonPythonModel()
    model.initialize(named)

    (response,) = model.execute([request(PIXELS=np.full((1, 2, 2, 3), 9, np.uint8))])

    assert output(response, "LOGITS").tolist() == [[9, 9, 9]]


def test_a_model_without_its_file_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(ModelAssetError, match=r"digits_r1_step: 1/model\.onnx is missing"):
        TritonPythonModel().initialize(arguments(tmp_path))


def test_a_thread_count_that_is_no_number_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(ModelAssetError, match="'intra_op_thread_count' is 'all'"):
        TritonPythonModel().initialize(
            arguments(model_folder(tmp_path), {"intra_op_thread_count": "all"})
        )
