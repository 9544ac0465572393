"""The network on a card, with a fake of ONNX Runtime that reads and writes the bound addresses."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from python_backends.onnxruntime.cuda_network import CudaNetwork, CudaUnavailable, batch_sizes
from python_backends.onnxruntime.model import TritonPythonModel
from python_backends.shared.contract import TensorSpec
from python_backends.shared.cuda import find_card
from tests.fakes.fake_cuda_session import FakeCudaRuntime, install_fake_cuda_runtime
from tests.fakes.fake_cupy import FakeCupy, install_fake_cupy
from tests.fakes.fake_pb_utils import InferenceRequest, LogLine, Tensor
from tests.unit.python_backends.loading import initialize_arguments, output, request

CHANNEL_MEANS = Path(__file__).resolve().parents[2] / "data" / "channel_means.onnx"
PIXELS = TensorSpec("PIXELS", "UINT8", (2, 2, 3))
LOGITS = TensorSpec("LOGITS", "FP32", (3,))
TENSORS = ([PIXELS], [LOGITS])


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> FakeCupy:
    return install_fake_cupy(monkeypatch)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeCudaRuntime:
    return install_fake_cuda_runtime(monkeypatch)


def network(largest: int = 4) -> CudaNetwork:
    card = find_card(0)
    assert card is not None
    return CudaNetwork(CHANNEL_MEANS, card, TENSORS, largest=largest)


def loaded_on_a_card(tmp_path: Path, kind: str = "GPU") -> TritonPythonModel:
    (tmp_path / "1").mkdir()
    shutil.copy(CHANNEL_MEANS, tmp_path / "1" / "model.onnx")
    arguments = initialize_arguments(tmp_path, inputs=[PIXELS], outputs=[LOGITS])
    model = TritonPythonModel()
    model.initialize({**arguments, "model_instance_kind": kind})
    return model


def greys(*levels: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.stack([np.full((2, 2, 3), level, np.uint8) for level in levels])


@pytest.mark.parametrize(
    ("largest", "sizes"),
    [(1, [1]), (2, [1, 2]), (12, [1, 2, 4, 8, 12]), (32, [1, 2, 4, 8, 16, 32])],
)
def test_batches_are_powers_of_two_and_the_largest(largest: int, sizes: list[int]) -> None:
    assert batch_sizes(largest) == sizes


@pytest.mark.usefixtures("cupy")
def test_every_size_is_captured_before_the_first_request(runtime: FakeCudaRuntime) -> None:
    network(largest=4)

    assert runtime.runs == [("1", 1), ("2", 2), ("4", 4)]
    assert runtime.options == [
        {
            "cudnn_conv_algo_search": "EXHAUSTIVE",
            "prefer_nhwc": "1",
            "use_tf32": "0",
            "device_id": "0",
            "enable_cuda_graph": "1",
        }
    ]


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize(("items", "size"), [(1, 1), (2, 2), (3, 4), (4, 4)])
def test_a_batch_is_computed_as_the_next_size_and_answered_as_its_own(
    items: int, size: int, runtime: FakeCudaRuntime
) -> None:
    on_card = network(largest=4)
    on_card.infer({"PIXELS": greys(9, 9, 9, 9)}, ["LOGITS"])

    (logits,) = on_card.infer({"PIXELS": greys(*range(1, items + 1))}, ["LOGITS"])

    assert runtime.runs[-1] == (str(size), size)
    assert logits.tolist() == [[level] * 3 for level in range(1, items + 1)]
    assert isinstance(logits, np.ndarray)


@pytest.mark.usefixtures("runtime")
def test_the_copies_are_waited_for_before_each_run(cupy: FakeCupy) -> None:
    on_card = network()
    before = cupy.waits

    on_card.infer({"PIXELS": greys(1)}, ["LOGITS"])

    assert cupy.waits == before + 1


@pytest.mark.usefixtures("cupy", "runtime")
def test_a_tensor_of_open_size_has_no_buffer() -> None:
    card = find_card(0)
    assert card is not None
    tensors = ([TensorSpec("PIXELS", "UINT8", (-1, -1, 3))], [LOGITS])

    with pytest.raises(CudaUnavailable, match="open dimension"):
        CudaNetwork(CHANNEL_MEANS, card, tensors, largest=4)


@pytest.mark.usefixtures("cupy")
def test_a_session_that_went_on_without_cuda_is_refused(runtime: FakeCudaRuntime) -> None:
    runtime.works = False

    with pytest.raises(CudaUnavailable, match="no CUDAExecutionProvider that works"):
        network()


@pytest.mark.usefixtures("runtime", "triton_log")
def test_requests_from_the_card_and_from_the_processor_share_one_run(
    cupy: FakeCupy, tmp_path: Path
) -> None:
    model = loaded_on_a_card(tmp_path)
    on_card = InferenceRequest([Tensor.from_dlpack("PIXELS", cupy.asarray(greys(7, 8)))])

    first, second = model.execute([on_card, request(PIXELS=greys(9))])

    assert output(first, "LOGITS").tolist() == [[7] * 3, [8] * 3]
    assert output(second, "LOGITS").tolist() == [[9] * 3]


@pytest.mark.usefixtures("cupy")
def test_a_network_that_cannot_be_captured_runs_on_the_card_without_graphs(
    runtime: FakeCudaRuntime, tmp_path: Path, triton_log: list[LogLine]
) -> None:
    runtime.refuses_graphs = True

    (response,) = loaded_on_a_card(tmp_path).execute([request(PIXELS=greys(5))])

    assert output(response, "LOGITS").tolist() == [[5] * 3]
    assert [it["enable_cuda_graph"] for it in runtime.options] == ["1", "0"]
    assert [it.text for it in triton_log if it.level == "info"] == [
        "INFO:python_backends.onnxruntime.model:digits_r1_step: on card 0 without CUDA graphs"
    ]


@pytest.mark.usefixtures("cupy")
def test_a_network_that_the_card_refuses_runs_on_the_processor(
    runtime: FakeCudaRuntime, tmp_path: Path, triton_log: list[LogLine]
) -> None:
    runtime.works = False

    (response,) = loaded_on_a_card(tmp_path).execute([request(PIXELS=greys(5))])

    assert output(response, "LOGITS").tolist() == [[5] * 3]
    assert [it.level for it in triton_log] == ["warn", "warn"]


@pytest.mark.usefixtures("triton_log")
def test_without_cupy_a_card_is_left_alone(runtime: FakeCudaRuntime, tmp_path: Path) -> None:
    loaded_on_a_card(tmp_path)

    assert runtime.options == []


@pytest.mark.usefixtures("cupy", "triton_log")
def test_an_instance_on_the_processor_leaves_the_card_alone(
    runtime: FakeCudaRuntime, tmp_path: Path
) -> None:
    loaded_on_a_card(tmp_path, kind="CPU")

    assert runtime.options == []


@pytest.mark.usefixtures("triton_log")
def test_what_lies_on_a_card_comes_down_for_a_network_that_does_not(
    cupy: FakeCupy, tmp_path: Path
) -> None:
    model = loaded_on_a_card(tmp_path)
    on_card = InferenceRequest([Tensor.from_dlpack("PIXELS", cupy.asarray(greys(7)))])

    (response,) = model.execute([on_card])

    assert output(response, "LOGITS").tolist() == [[7] * 3]
