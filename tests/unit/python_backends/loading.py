"""What Triton hands to initialize() and execute()."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_backends.shared.contract import TensorSpec
from tests.fakes.fake_pb_utils import InferenceRequest, InferenceResponse, Tensor


def initialize_arguments(
    folder: Path,
    *,
    inputs: Sequence[TensorSpec] = (),
    outputs: Sequence[TensorSpec] = (),
    parameters: Mapping[str, str] | None = None,
    model_file: str | None = None,
    instances: int = 1,
) -> dict[str, str]:
    """The folder is the model's own, as Triton names it; parameters may be absent altogether."""
    config: dict[str, object] = {
        "name": "digits_r1_step",
        "max_batch_size": 32,
        "instance_group": [{"name": "digits_r1_step_0", "kind": "KIND_CPU", "count": instances}],
        "input": [_declared(spec) for spec in inputs],
        "output": [_declared(spec) for spec in outputs],
    }
    if model_file is not None:
        config["default_model_filename"] = model_file
    if parameters is not None:
        config["parameters"] = {name: {"string_value": value} for name, value in parameters.items()}
    return {
        "model_config": json.dumps(config),
        "model_repository": str(folder),
        "model_version": "1",
        "model_name": "digits_r1_step",
        "model_instance_name": "digits_r1_step_0_0",
        "model_instance_kind": "CPU",
        "model_instance_device_id": "0",
    }


def _declared(spec: TensorSpec) -> dict[str, object]:
    data_type = "TYPE_STRING" if spec.dtype == "BYTES" else f"TYPE_{spec.dtype}"
    return {"name": spec.name, "data_type": data_type, "dims": list(spec.shape)}


def request(**tensors: NDArray[Any]) -> InferenceRequest:
    return InferenceRequest([Tensor(name, array) for name, array in tensors.items()])


def image_request(*images: bytes) -> InferenceRequest:
    """IMAGE as Triton hands it over: [N, 1], object."""
    batch = np.empty((len(images), 1), np.object_)
    batch[:, 0] = images
    return request(IMAGE=batch)


def output(response: InferenceResponse, name: str) -> NDArray[Any]:
    """One output of a good response."""
    assert not response.has_error()
    (tensor,) = (tensor for tensor in response.output_tensors() if tensor.name() == name)
    return tensor.as_numpy()
