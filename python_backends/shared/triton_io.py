"""Triton as seen from inside a stub: requests, responses, error codes, log.

The only module that imports triton_python_backend_utils, which exists nowhere but in a stub.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from python_backends.shared import cuda
from python_backends.shared.contract import TensorSpec
from python_backends.shared.errors import ContractBroken, ModelAssetError

logger = logging.getLogger(__name__)

# Arrays in, arrays out; the first axis of each is the batch.
Step = Callable[..., Sequence[NDArray[Any]]]


class TritonLogHandler(logging.Handler):
    """Sends our log records to Triton's own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Forward one record at the nearest of Triton's levels."""
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            pb_utils.Logger.log_error(text)
        elif record.levelno >= logging.WARNING:
            pb_utils.Logger.log_warn(text)
        else:
            pb_utils.Logger.log_info(text)


@dataclass(frozen=True)
class ModelConfig:
    """What a model is told when it loads: its folder, its version and its config.pbtxt."""

    name: str
    folder: Path
    version: str
    outputs: tuple[TensorSpec, ...]
    inputs: tuple[TensorSpec, ...]
    parameters: Mapping[str, str]
    default_model_filename: str = ""
    instances: int = 1  # each in a process of its own
    max_batch_size: int = 0
    card: int | None = None  # the one that Triton gave this instance; None of KIND_CPU

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, str]) -> ModelConfig:
        """Read what Triton hands to initialize(), and send the log of this stub to Triton's."""
        logging.basicConfig(level=logging.INFO, handlers=[TritonLogHandler()], force=True)
        config = json.loads(arguments["model_config"])
        parameters, groups = config.get("parameters", {}), config.get("instance_group", [])
        return cls(
            name=config["name"],
            folder=Path(arguments["model_repository"]),
            version=arguments["model_version"],
            inputs=_tensor_specs(config["input"]),
            outputs=_tensor_specs(config["output"]),
            parameters={key: value["string_value"] for key, value in parameters.items()},
            default_model_filename=config.get("default_model_filename", ""),
            instances=sum(group.get("count", 1) for group in groups) or 1,
            max_batch_size=config.get("max_batch_size", 0),
            card=_card(arguments),
        )

    def text(self, name: str, default: str | None = None) -> str:
        """One parameter of config.pbtxt.

        Raises:
            ModelAssetError: it is missing and has no default.
        """
        value = self.parameters.get(name, default)
        if value is None:
            raise ModelAssetError(f"{self.name}: config.pbtxt lacks the parameter {name!r}")
        return value

    def whole_number(self, name: str, default: int | None = None) -> int:
        """One parameter of config.pbtxt as an int.

        Raises:
            ModelAssetError: it is missing and has no default, or it is no whole number.
        """
        value = self.text(name, None if default is None else str(default))
        try:
            return int(value)
        except ValueError as exc:
            raise ModelAssetError(f"{self.name}: parameter {name!r} is {value!r}") from exc

    def model_file(self, usual: str) -> Path:
        """The file that this version is made of: default_model_filename, or what is `usual`.

        Raises:
            ModelAssetError: it is missing.
        """
        name = self.default_model_filename or usual
        file = self.folder / self.version / name
        if not file.is_file():
            raise ModelAssetError(f"{self.name}: {self.version}/{name} is missing")
        return file

    def output_shape(self, name: str) -> tuple[int, ...]:
        """The dimensions that config.pbtxt fixes for one output, without the batch.

        Raises:
            ModelAssetError: there is no such output.
        """
        for output in self.outputs:
            if output.name == name:
                return output.shape
        raise ModelAssetError(f"{self.name}: config.pbtxt declares no output {name}")


def _card(arguments: Mapping[str, str]) -> int | None:
    """Triton has turned KIND_AUTO into one of the others by now."""
    is_gpu = arguments.get("model_instance_kind") == "GPU"
    return int(arguments["model_instance_device_id"]) if is_gpu else None


def _tensor_specs(declared: Sequence[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            name=tensor["name"],
            dtype=tensor["data_type"].removeprefix("TYPE_").replace("STRING", "BYTES"),
            shape=tuple(int(size) for size in tensor["dims"]),
        )
        for tensor in declared
    )


def answer_requests(
    requests: Sequence[Any],
    *,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    step: Step,
    takes_card_arrays: bool = False,
) -> list[Any]:
    """Run one step once over the items of all requests, and give each request its share.

    Args:
        requests: pb_utils.InferenceRequest, each with its own batch size.
        inputs: What `step` takes, in order; each arrives as [N, *shape], N over all requests.
        outputs: What `step` returns, in order, [N, *shape].
        step: The pure computation. Arrays that it leaves on a card are handed over there.
        takes_card_arrays: Whether `step` takes what lies on a card as it is, as CuPy's array.

    Returns:
        One pb_utils.InferenceResponse per request, in order. A request that breaks the contract is
        refused alone; if `step` itself fails, all are answered INTERNAL without details, and the
        reason is in the log. Raising here would show callers a traceback with paths.
    """
    answers: list[Any] = [None] * len(requests)
    accepted: list[tuple[int, list[NDArray[Any]]]] = []
    for position, request in enumerate(requests):
        try:
            arrays = _read(request, inputs)
            if not takes_card_arrays:
                arrays = [cuda.to_host(array) for array in arrays]
            accepted.append((position, arrays))
        except ContractBroken as exc:
            answers[position] = _refusal(str(exc), pb_utils.TritonError.INVALID_ARG)
    if accepted:
        responses = _run(step, [arrays for _, arrays in accepted], outputs)
        for (position, _), response in zip(accepted, responses, strict=True):
            answers[position] = response
    return answers


def _read(request: Any, inputs: Sequence[TensorSpec]) -> list[NDArray[Any]]:  # noqa: ANN401 - Triton's own type
    # Once for all of them: each look makes a Python object of every input.
    sent = {tensor.name(): tensor for tensor in request.inputs()}
    arrays = []
    for spec in inputs:
        tensor = sent.get(spec.name)
        if tensor is None:
            raise ContractBroken(f"the input {spec.name} is missing")
        array: NDArray[Any] = tensor.as_numpy() if tensor.is_cpu() else cuda.from_dlpack(tensor)
        if array.ndim != len(spec.shape) + 1:
            raise ContractBroken(f"the input {spec.name} has {array.ndim} dimensions")
        arrays.append(array)
    return arrays


def _run(
    step: Step, batches: Sequence[Sequence[NDArray[Any]]], outputs: Sequence[TensorSpec]
) -> list[Any]:
    sizes = [len(arrays[0]) for arrays in batches]
    try:
        results = step(*[cuda.join(column) for column in zip(*batches, strict=True)])
        return _split(results, sizes, outputs)
    except Exception:  # the last border before the caller
        logger.exception("step failed images=%d", sum(sizes))
        return [_refusal("the step failed", pb_utils.TritonError.INTERNAL) for _ in sizes]


def _split(
    results: Sequence[NDArray[Any]], sizes: Sequence[int], outputs: Sequence[TensorSpec]
) -> list[Any]:
    rows = [len(result) for result in results]
    if any(count != sum(sizes) for count in rows):
        # Triton would pass a short tensor on as a good answer.
        raise ValueError(f"the step answered {rows} rows to {sum(sizes)} items")
    responses, start = [], 0
    for size in sizes:
        stop = start + size
        tensors = [
            _tensor(spec.name, result[start:stop])
            for spec, result in zip(outputs, results, strict=True)
        ]
        responses.append(pb_utils.InferenceResponse(output_tensors=tensors))
        start = stop
    return responses


def _tensor(name: str, array: NDArray[Any]) -> Any:  # noqa: ANN401 - Triton's own type
    if cuda.is_on_card(array):
        return pb_utils.Tensor.from_dlpack(name, array)
    return pb_utils.Tensor(name, array)


def _refusal(message: str, code: Any) -> Any:  # noqa: ANN401 - Triton's own types
    return pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError(message, code))
