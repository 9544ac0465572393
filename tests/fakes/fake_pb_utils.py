"""A fake of triton_python_backend_utils, which exists nowhere but in a stub.

Tensor does what Triton's src/pb_tensor.cc does around the wheel's own (de)serialise functions, with
which test_fake_pb_utils.py compares it; the error codes are those of TRITONSERVER_Error_Code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

# A stub refuses any other dtype; float64 and wide integers are legal, though we use none.
_DTYPES = ("?", "B", "b", "H", "h", "I", "i", "L", "l", "e", "f", "d", "O", "S")


class TritonModelException(Exception):
    """What the C++ half of a stub raises."""


class Tensor:
    """A named array; BYTES elements go through the wire form, so str(...) becomes UTF-8."""

    def __init__(self, name: str, array: NDArray[Any]) -> None:
        if array.dtype.char not in _DTYPES:
            raise TritonModelException(f"Unsupported dtype: {array.dtype}")
        self._name = name
        self._array = np.ascontiguousarray(array)
        if array.dtype.hasobject:
            flat = [
                item if isinstance(item, bytes) else str(item).encode() for item in array.ravel()
            ]
            self._array = np.empty(array.shape, np.object_)
            self._array.ravel()[:] = flat

    def name(self) -> str:
        return self._name

    def as_numpy(self) -> NDArray[Any]:
        if not self.is_cpu():
            raise TritonModelException("Tensor is stored in GPU and cannot be converted to NumPy.")
        return self._array

    def is_cpu(self) -> bool:
        return isinstance(self._array, np.ndarray)

    def __dlpack__(self, **_options: Any) -> object:
        return self._array.__dlpack__()

    @classmethod
    def from_dlpack(cls, name: str, array: Any) -> Tensor:
        """Of something on a card: it stays there."""
        tensor = cls.__new__(cls)
        tensor._name, tensor._array = name, array
        return tensor


class TritonError:
    """An error with one of Triton's codes; INTERNAL unless told otherwise."""

    UNKNOWN: ClassVar = 0
    INTERNAL: ClassVar = 1
    NOT_FOUND: ClassVar = 2
    INVALID_ARG: ClassVar = 3
    UNAVAILABLE: ClassVar = 4
    UNSUPPORTED: ClassVar = 5
    ALREADY_EXISTS: ClassVar = 6
    CANCELLED: ClassVar = 7

    def __init__(self, message: str, code: int = INTERNAL) -> None:
        self._message, self._code = message, code

    def message(self) -> str:
        return self._message

    def code(self) -> int:
        return self._code


class InferenceRequest:
    """What arrives in execute()."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self._inputs = list(inputs)

    def inputs(self) -> list[Tensor]:
        return self._inputs


class InferenceResponse:
    """What execute() answers; with an error its tensors are not looked at."""

    def __init__(
        self, output_tensors: Sequence[Tensor] = (), error: TritonError | None = None
    ) -> None:
        self._output_tensors = list(output_tensors)
        self._error = error

    def output_tensors(self) -> list[Tensor]:
        return self._output_tensors

    def has_error(self) -> bool:
        return self._error is not None

    def error(self) -> TritonError | None:
        return self._error


@dataclass(frozen=True)
class LogLine:
    level: str
    text: str


class Logger:
    """Triton's log; the fake remembers the lines."""

    lines: ClassVar[list[LogLine]] = []

    @classmethod
    def log_info(cls, text: str) -> None:
        cls.lines.append(LogLine("info", text))

    @classmethod
    def log_warn(cls, text: str) -> None:
        cls.lines.append(LogLine("warn", text))

    @classmethod
    def log_error(cls, text: str) -> None:
        cls.lines.append(LogLine("error", text))


def get_input_tensor_by_name(inference_request: InferenceRequest, name: str) -> Tensor | None:
    for tensor in inference_request.inputs():
        if tensor.name() == name:
            return tensor
    return None
