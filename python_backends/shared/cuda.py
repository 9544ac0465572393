"""Arrays on an NVIDIA card. The only module that imports CuPy, which requirements/gpu.txt brings.

Without CuPy or without a card there is none, and everything is computed on the processor as ever.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

# On the card or not: CuPy's arrays do what NumPy's do, and NumPy's functions take them.
Array = NDArray[Any]


class Card:
    """One card. Arrays on it are CuPy's; what is asked of them happens in order, one by one.

    Args:
        arrays: CuPy.
        number: As CUDA counts those that this process may see.
    """

    def __init__(self, arrays: ModuleType, number: int) -> None:
        self.arrays = arrays
        self.number = number

    def zeros(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Array:
        """A new array on the card."""
        made: Array = self.arrays.zeros(shape, dtype)
        return made

    def take(self, found: object) -> Array:
        """An array on the card: of NumPy's a copy; what lies there already, as it is.

        Args:
            found: An array, or an object with __cuda_array_interface__.
        """
        taken: Array = self.arrays.asarray(found)
        return taken

    def address(self, array: Array) -> int:
        """Where on the card the first element lies."""
        on_card: Any = array  # CuPy's has what NumPy's has not
        return int(on_card.data.ptr)

    def stream_address(self) -> int:
        """The stream in which CuPy's work is done, for others that shall do theirs there."""
        return int(self.arrays.cuda.get_current_stream().ptr)

    def wait(self) -> None:
        """Wait until everything that was asked is done."""
        self.arrays.cuda.get_current_stream().synchronize()


def find_card(number: int) -> Card | None:
    """This process's card of that number, which its thread uses from now on; None without one."""
    if importlib.util.find_spec("cupy") is None:
        return None
    # Only where requirements/gpu.txt is installed. ONNX Runtime knows where the wheels of CUDA have
    # their libraries, which CuPy then finds loaded.
    import onnxruntime  # noqa: PLC0415

    onnxruntime.preload_dlls(cudnn=False)
    try:
        import cupy  # noqa: PLC0415 - as above; it fails where a library of CUDA is missing
    except ImportError as exc:
        logger.warning("no card is used, CuPy cannot be imported: %s", exc)
        return None
    try:
        if number >= cupy.cuda.runtime.getDeviceCount():
            return None
        cupy.cuda.Device(number).use()
    except RuntimeError as exc:  # CuPy's own is one: no driver, or one too old
        logger.info("no card is used, CUDA says: %s", exc)
        return None
    return Card(cupy, number)


def is_on_card(array: Array) -> bool:
    """Whether it is not NumPy's."""
    return not isinstance(array, np.ndarray)


def from_dlpack(tensor: object) -> Array:
    """The array that another library has on a card, without a copy."""
    import cupy  # noqa: PLC0415 - as above; nobody has such an array without it

    taken: Array = cupy.from_dlpack(tensor)
    return taken


def to_host(array: Array) -> Array:
    """A copy as NumPy has it; of NumPy's own, itself."""
    if not is_on_card(array):
        return array
    on_card: Any = array  # CuPy's has what NumPy's has not
    copied: Array = on_card.get()
    return copied


def join(arrays: Sequence[Array]) -> Array:
    """All of them behind each other, along the first axis: on the card if one of them is."""
    if len(arrays) == 1:
        return arrays[0]
    if not any(is_on_card(array) for array in arrays):
        return np.concatenate(arrays)
    import cupy  # noqa: PLC0415 - as above

    joined: Array = cupy.concatenate([cupy.asarray(array) for array in arrays])
    return joined
