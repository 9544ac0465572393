"""ONNX Runtime with CUDA, faked: it computes on the processor, at the addresses that are bound."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

REAL = onnxruntime.InferenceSession
CUDA = "CUDAExecutionProvider"


class FakeBinding:
    """Where each tensor lies."""

    def __init__(self) -> None:
        self.inputs: dict[str, NDArray[Any]] = {}
        self.outputs: dict[str, NDArray[Any]] = {}

    def bind_input(self, name: str, *place: Any) -> None:
        self.inputs[name] = _at(*place)

    def bind_output(self, name: str, *place: Any) -> None:
        self.outputs[name] = _at(*place)


def _at(kind: str, _number: int, dtype: Any, shape: Sequence[int], address: int) -> NDArray[Any]:
    assert kind == "cuda"
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory: Any = (ctypes.c_char * size).from_address(address)
    return np.ndarray(shape, dtype, buffer=memory)


class FakeCudaRuntime:
    """What a machine with onnxruntime-gpu has in place of sessions.

    Attributes:
        refuses_graphs: As for a network that does not wholly run on the card.
        works: Without, it goes on without CUDA, as the real one does when a library is missing.
        options: Of each session that was opened on the card.
        runs: The graph's number and the batch size of each run.
    """

    def __init__(self) -> None:
        self.refuses_graphs = False
        self.works = True
        self.options: list[dict[str, str]] = []
        self.runs: list[tuple[str, int]] = []

    def open_session(self, file: Path, *rest: Any, providers: Sequence[Any]) -> Any:
        if providers[0] == "CPUExecutionProvider":
            return REAL(file, *rest, providers=providers)
        (provider, options), cpu = providers
        assert (provider, cpu) == (CUDA, "CPUExecutionProvider")
        self.options.append(options)
        if self.refuses_graphs and options["enable_cuda_graph"] == "1":
            raise RuntimeError("This session cannot use the graph capture feature")
        return FakeCudaSession(self, file)


class FakeCudaSession:
    """One of them."""

    def __init__(self, runtime: FakeCudaRuntime, file: Path) -> None:
        self._runtime = runtime
        self._real = REAL(file, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._real.get_outputs()]

    def get_providers(self) -> list[str]:
        return [CUDA] * self._runtime.works + ["CPUExecutionProvider"]

    def disable_fallback(self) -> None:
        pass

    def io_binding(self) -> FakeBinding:
        return FakeBinding()

    def run_with_iobinding(self, binding: FakeBinding, options: Any) -> None:
        items = len(next(iter(binding.inputs.values())))
        self._runtime.runs.append((options.get_run_config_entry("gpu_graph_id"), items))
        answers = self._real.run(self._outputs, binding.inputs)
        for name, answer in zip(self._outputs, answers, strict=True):
            binding.outputs[name][:] = answer


def install_fake_cuda_runtime(monkeypatch: pytest.MonkeyPatch) -> FakeCudaRuntime:
    fake = FakeCudaRuntime()
    monkeypatch.setattr(onnxruntime, "InferenceSession", fake.open_session)
    providers = [CUDA, "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    return fake
