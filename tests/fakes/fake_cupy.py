"""A fake of CuPy on the processor: arrays that are not NumPy's, and refuse to be mixed with those.

tests/gpu holds what the tests ask of it against the real one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray


class CardArray(NDArrayOperatorsMixin):
    """As cupy.ndarray, for what ours ask of it."""

    def __init__(self, host: NDArray[Any]) -> None:
        self._host = host

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return on_card(getattr(ufunc, method))(*inputs, **options)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._host, name)
        if isinstance(found, np.ndarray):
            return CardArray(found)
        return on_card(found) if callable(found) else found

    def __len__(self) -> int:
        return len(self._host)

    def __getitem__(self, place: Any) -> Any:
        return _wrap(self._host[place])

    def __setitem__(self, place: Any, values: Any) -> None:
        self._host[place] = _unwrap(values)

    @property
    def data(self) -> SimpleNamespace:
        return SimpleNamespace(ptr=self._host.ctypes.data)

    def get(self) -> NDArray[Any]:
        return self._host.copy()

    def __dlpack__(self, **_options: Any) -> object:
        return self


def _unwrap(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, (list, tuple)):
        return type(value)(map(_unwrap, value))
    return value._host if isinstance(value, CardArray) else value


def _wrap(value: Any) -> Any:
    return CardArray(np.asarray(value)) if isinstance(value, (np.ndarray, np.generic)) else value


def on_card(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy's for arrays on the card."""

    def call(*inputs: Any, **options: Any) -> Any:
        return _wrap(function(*map(_unwrap, inputs), **options))

    return call


class FakeCupy(ModuleType):
    """The module; without cards it is as CuPy on a machine whose driver is missing."""

    def __init__(self, cards: int = 1) -> None:
        super().__init__("cupy")
        self.__spec__ = ModuleSpec("cupy", None)
        self.waits = 0
        self.used: int | None = None
        stream = SimpleNamespace(synchronize=self._wait, ptr=0)
        self.cuda = SimpleNamespace(
            get_current_stream=lambda: stream,
            Device=lambda number: SimpleNamespace(use=lambda: setattr(self, "used", number)),
            runtime=SimpleNamespace(getDeviceCount=lambda: self._count(cards)),
        )

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return on_card(found) if callable(found) and not isinstance(found, type) else found

    def _wait(self) -> None:
        self.waits += 1

    @staticmethod
    def _count(cards: int) -> int:
        if not cards:
            raise RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")
        return cards

    def asarray(self, found: Any, dtype: Any = None) -> CardArray:
        if isinstance(found, CardArray):
            return found
        if hasattr(found, "__cuda_array_interface__"):
            return CardArray(found.pixels)
        return CardArray(np.array(found, dtype))

    @staticmethod
    def from_dlpack(tensor: Any) -> CardArray:
        array = tensor.__dlpack__(stream=None)
        assert isinstance(array, CardArray)
        return array


def install_fake_cupy(monkeypatch: pytest.MonkeyPatch, cards: int = 1) -> FakeCupy:
    fake = FakeCupy(cards)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake
