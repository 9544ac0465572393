"""A network in OpenVINO, as it is served: also what benchmarks measure. No Triton in here."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino
from numpy.typing import NDArray

from python_backends.shared.cores import engine_threads
from python_backends.shared.errors import ModelAssetError

# The native backend's names are OpenVINO's own, and so are the values, in capitals.
_PASSED_ON: Final = (
    "INFERENCE_NUM_THREADS",
    "COMPILATION_NUM_THREADS",
    "NUM_STREAMS",
    "PERFORMANCE_HINT",
)
# These would change what is computed or where. ENABLE_BATCH_PADDING and SKIP_OV_DYNAMIC_BATCHSIZE
# may stand in a configuration and need nothing here: each batch is run as large as it is.
_NATIVE_ONLY: Final = ("CPU_EXTENSION_PATH", "RESHAPE_IO_LAYERS")

# With the batch left open OpenVINO does not fuse a picture's normalisation, which costs 0.3 to
# 0.8 ms of it. So batches are put together from parts of two sizes; each costs a copy of the
# weights. Larger ones gain nothing (ADR 23).
_PART: Final = 4
_PART_OF_SEVERAL: Final = 2


def cpu_properties(parameters: Mapping[str, str], instances: int = 1) -> dict[str, str]:
    """OpenVINO's properties for the parameters of a config.pbtxt.

    Args:
        parameters: By the native backend's names.
        instances: Of the model; they share the cores.

    Raises:
        ModelAssetError: a parameter asks for what this stand-in cannot do.
    """
    for name in _NATIVE_ONLY:
        if name in parameters:
            raise ModelAssetError(f"the parameter {name!r} needs Triton's native backend")
    if (device := parameters.get("TARGET_DEVICE", "CPU")).upper() != "CPU":
        raise ModelAssetError(f"the TARGET_DEVICE {device!r} needs Triton's native backend")
    if (hint := parameters.get("HINT_BF16", "")).upper() not in {"", "YES"}:  # as the native one
        raise ModelAssetError(f"the parameter 'HINT_BF16' is {hint!r}, not 'YES'")
    given = {name: parameters[name].upper() for name in _PASSED_ON if name in parameters}
    if given.get("INFERENCE_NUM_THREADS") == "0":
        # OpenVINO knows neither of the other instances nor of a container's limit.
        given["INFERENCE_NUM_THREADS"] = str(engine_threads(0, instances))
    return {
        # For a single item; a second stream would only take threads from it.
        "NUM_STREAMS": "1",
        # Left alone, OpenVINO computes in bf16 on every CPU that has it.
        "INFERENCE_PRECISION_HINT": "bf16" if hint else "f32",
        # A thread that may run on one core only waits there while a decoder has it.
        "ENABLE_CPU_PINNING": "NO",
        **given,
    }


class Network:
    """One network, compiled twice: for one item on all threads, and for parts of a batch.

    With several threads, each takes a part of its own: together on one part they would wait for
    each other, and for whatever else the cores do.

    Args:
        file: ONNX or OpenVINO's IR; the first dimension of every input is the batch.
        parameters: Of config.pbtxt, by the native backend's names.
        instances: Of the model; they share the cores.

    Raises:
        ModelAssetError: a parameter asks for what this stand-in cannot do.
    """

    def __init__(self, file: Path, parameters: Mapping[str, str], instances: int = 1) -> None:
        properties = cpu_properties(parameters, instances)
        threads = int(properties.get("INFERENCE_NUM_THREADS", "1"))
        self.single = _compiled(file, 1, properties)
        self.part = _PART if threads == 1 else _PART_OF_SEVERAL
        several = properties | ({"NUM_STREAMS": str(threads)} if threads > 1 else {})
        self.parts = _compiled(file, self.part, several)
        self._for_single = [self.single.create_infer_request()]
        streams = int(self.parts.get_property("NUM_STREAMS"))  # no more than there are cores
        self._for_parts = [self.parts.create_infer_request() for _ in range(streams)]

    def infer(
        self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> list[NDArray[Any]]:
        """Run the network over a batch of any size; arrays by tensor name in, [N, ...] each."""
        items = len(next(iter(feeds.values())))
        # Only as many parts as keep all threads busy: one thread alone at one would hold up all.
        in_parts = items - items % (self.part * len(self._for_parts))
        head = {name: array[:in_parts] for name, array in feeds.items()}
        rest = {name: array[in_parts:] for name, array in feeds.items()}
        pieces = [
            *_run(self._for_parts, head, self.part, outputs),
            *_run(self._for_single, rest, 1, outputs),
        ]
        return [np.concatenate(column) for column in zip(*pieces, strict=True)]


def _compiled(file: Path, size: int, properties: Mapping[str, str]) -> openvino.CompiledModel:
    core = openvino.Core()
    model = core.read_model(file)
    model.reshape({it: [size, *list(it.partial_shape)[1:]] for it in model.inputs})
    return core.compile_model(model, "CPU", dict(properties))


def _run(
    requests: Sequence[openvino.InferRequest],
    feeds: Mapping[str, NDArray[Any]],
    size: int,
    outputs: Sequence[str],
) -> list[list[NDArray[Any]]]:
    """Work through parts of that size, as many at a time as there are requests; in order."""
    parts = [
        {
            name: openvino.Tensor(array[start : start + size], shared_memory=True)
            for name, array in feeds.items()
        }
        for start in range(0, len(next(iter(feeds.values()))), size)
    ]
    if len(requests) == 1:  # on this thread: to hand it over costs more than a small network
        found = [requests[0].infer(part, share_inputs=True) for part in parts]
        return [[answers[name] for name in outputs] for answers in found]
    return _run_at_once(requests, parts, outputs)


def _run_at_once(
    requests: Sequence[openvino.InferRequest],
    parts: Sequence[Mapping[str, openvino.Tensor]],
    outputs: Sequence[str],
) -> list[list[NDArray[Any]]]:
    answers: list[list[NDArray[Any]]] = []
    free, under_way = deque(requests), deque[openvino.InferRequest]()
    try:
        for part in parts:
            if not free:
                answers.append(_answers(under_way[0], outputs))
                free.append(under_way.popleft())
            free[0].start_async(part, share_inputs=True)
            under_way.append(free.popleft())
        while under_way:
            answers.append(_answers(under_way[0], outputs))
            under_way.popleft()
    finally:
        for request in under_way:  # after an error: they still read what is shared with them
            with suppress(RuntimeError):
                request.wait()
    return answers


def _answers(request: openvino.InferRequest, outputs: Sequence[str]) -> list[NDArray[Any]]:
    request.wait()
    return [request.get_tensor(name).data.copy() for name in outputs]
