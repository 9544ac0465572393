"""Holds the fake against the Python half of the real module, which the wheel carries as source."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.fakes import fake_pb_utils


@pytest.fixture(scope="module")
def real() -> ModuleType:
    """The wheel's triton_python_backend_utils.py, without the C++ that only a stub has."""
    wheel = importlib.util.find_spec("pytriton")
    assert wheel is not None
    assert wheel.submodule_search_locations
    folder = Path(wheel.submodule_search_locations[0]) / "tritonserver" / "backends" / "python"
    spec = importlib.util.spec_from_file_location(
        "real_pb_utils", folder / "triton_python_backend_utils.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_fake_finds_an_input_as_the_real_module_does(real: ModuleType) -> None:
    tensor = fake_pb_utils.Tensor("IMAGE", np.zeros((1, 1), np.uint8))
    request = fake_pb_utils.InferenceRequest([tensor])

    for name in ("IMAGE", "image", ""):
        expected = real.get_input_tensor_by_name(request, name)
        assert fake_pb_utils.get_input_tensor_by_name(request, name) is expected


@pytest.mark.parametrize("items", [[b"a", b""], ["чай", b"\xff\x00"], [1, 2.5]])
def test_the_fake_sends_bytes_as_the_real_module_does(
    real: ModuleType, items: list[object]
) -> None:
    array = np.empty((len(items), 1), np.object_)
    array[:, 0] = items
    wire = real.serialize_byte_tensor(array)

    expected = real.deserialize_bytes_tensor(wire)

    sent = fake_pb_utils.Tensor("LABEL", array).as_numpy()
    assert sent.shape == (len(items), 1)
    assert sent[:, 0].tolist() == expected.tolist()


def test_the_fake_takes_the_dtypes_of_the_real_module(real: ModuleType) -> None:
    for dtype in real.TRITON_STRING_TO_NUMPY.values():
        fake_pb_utils.Tensor("T", np.zeros(1, dtype))
    with pytest.raises(fake_pb_utils.TritonModelException):
        fake_pb_utils.Tensor("T", np.zeros(1, np.complex64))
