"""Load on a fake Triton: as many on their way as asked for, and nothing cancelled or left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from python_backends.shared.contract import Task
from tests.fakes.fake_triton import FakeTriton, ranked, running_triton
from triptych.client.triton_wire import build_item_request
from triptych.tuning.closed_loop import closed_loop

REQUESTS = [
    build_item_request("digits_r1", Task.IMAGE_CLASSIFICATION, [item]) for item in (b"1", b"2")
]


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with running_triton() as fake:
        fake.answers = {b"1": ranked("1"), b"2": ranked("2")}
        yield fake


def test_every_request_is_counted_and_items_take_turns(triton: FakeTriton) -> None:
    load = closed_loop(triton.address, REQUESTS, concurrency=2, seconds=0.3)
    assert (load.concurrency, load.failures) == (2, 0)
    assert 0 < load.p50_ms <= load.p99_ms
    assert set(triton.images()) == {b"1", b"2"}
    assert load.per_second == pytest.approx(len(triton.asked) / 0.3, rel=0.5)


def test_so_many_are_on_their_way_and_no_more(triton: FakeTriton) -> None:
    here, most, lock = 0, 0, threading.Lock()

    def judge(_request: Any) -> None:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        time.sleep(0.02)
        with lock:
            here -= 1

    triton.judge = judge
    closed_loop(triton.address, REQUESTS, concurrency=3, seconds=0.3)
    assert most == 3


def test_what_fails_is_counted_apart(triton: FakeTriton) -> None:
    triton.refusal = (grpc.StatusCode.UNAVAILABLE, "full")
    load = closed_loop(triton.address, REQUESTS, concurrency=2, seconds=0.1)
    assert load.failures == len(triton.asked) > 0
    assert (load.per_second, load.p99_ms) == (0.0, float("inf"))
