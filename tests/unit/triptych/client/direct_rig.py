"""A direct client on fake Tritons and a fake gateway."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import httpx

from tests.fakes.fake_triton import FakeTriton, ranked, running_triton
from tests.unit.triptych.client.fake_gateway import FakeRoutes
from triptych.client import DirectClient, ItemResult, Prediction

NUMBERS = [str(number).encode() for number in range(40)]


@contextmanager
def answering() -> Iterator[FakeTriton]:
    """A Triton that answers each number with itself."""
    with running_triton() as triton:
        triton.answers = {number: ranked(number.decode()) for number in NUMBERS}
        yield triton


@contextmanager
def direct(routes: FakeRoutes, *tritons: FakeTriton, **more: Any) -> Iterator[DirectClient]:
    with DirectClient(
        "http://gateway",
        "k3y",
        [triton.address for triton in tritons],
        "digits",
        transport=httpx.MockTransport(routes),
        **more,
    ) as client:
        yield client


def label(result: ItemResult) -> str:
    assert isinstance(result, Prediction)
    return result.label


def releases(triton: FakeTriton) -> list[str]:
    return [request.model_name for request in triton.asked]


def sizes(triton: FakeTriton) -> list[int]:
    return [request.inputs[0].shape[0] for request in triton.asked]


class Refusing:
    """A judge for FakeTriton that refuses the first so many requests, or those for one release."""

    def __init__(self, code: grpc.StatusCode, times: int, release: str | None = None) -> None:
        self._code, self._left, self._release = code, times, release
        self._lock = threading.Lock()

    def __call__(self, request: Any) -> tuple[grpc.StatusCode, str] | None:
        with self._lock:
            if self._left <= 0 or self._release not in {None, request.model_name}:
                return None
            self._left -= 1
            return self._code, "not now"
