"""A Triton that answers nonsense while its supervisor says that all is well.

A gateway of its own stands before a real Triton and a fake one, or before the fake alone. An answer
that is well formed and wrong cannot be told here: that is what the supervisor's canaries are for.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.fakes.fake_supervisor import FakeSupervisor, running_supervisor
from tests.fakes.fake_triton import FakeTriton, running_triton
from tests.faults.catalogue import GARBAGE
from tests.faults.fault import Outcome
from tests.faults.fault_stack import FaultStack
from tests.faults.load_process import Counts, LoadProcess, running_load
from tests.gateway_process import gateway_process
from triptych.supervisor.status import ReleaseStatus

_SECONDS: Final = 40.0
_ANSWERS: Final = 80


def _no_outputs(response: Any) -> None:
    del response.outputs[:]
    del response.raw_output_contents[:]


def _short_tensors(response: Any) -> None:
    for number, content in enumerate(response.raw_output_contents):
        response.raw_output_contents[number] = content[:3]


def _random_bytes(response: Any) -> None:
    for number, content in enumerate(response.raw_output_contents):
        response.raw_output_contents[number] = os.urandom(len(content))


def _too_many_items(response: Any) -> None:
    for number, content in enumerate(response.raw_output_contents):
        response.raw_output_contents[number] = content * 3


_KINDS: Final = (_no_outputs, _short_tensors, _random_bytes, _too_many_items)


def _any_kind(response: Any) -> None:
    random.choice(_KINDS)(response)  # noqa: S311 - chance, not a secret


@contextmanager
def _liar(real: FaultStack) -> Iterator[tuple[FakeTriton, FakeSupervisor]]:
    """A fake pair that claims to serve what the real one serves."""
    with running_triton() as triton, running_supervisor() as supervisor:
        supervisor.releases = [
            ReleaseStatus(**release) for release in real.status(0)["releases"].values()
        ]
        yield triton, supervisor


@contextmanager
def _load_through(
    real: FaultStack, folder: Path, triton_urls: str, supervisor_urls: str
) -> Iterator[LoadProcess]:
    """Send the load through a gateway of its own before these servers."""
    folder.mkdir()
    settings = {"triton_urls": triton_urls, "supervisor_urls": supervisor_urls}
    with gateway_process(folder / "state", folder / "gateway.log", **settings) as gateway:
        gateway.wait_until_it_answers()
        key = gateway.admin["X-API-Key"]
        with running_load(gateway.url, key, real.repository, folder / "load.log") as load:
            yield load


def _wait_for_requests(load: LoadProcess) -> Counts:
    """Until so many are over, whatever came of them."""
    deadline = time.monotonic() + _SECONDS
    while load.over() < _ANSWERS:
        assert time.monotonic() < deadline, "requests hang"
        time.sleep(0.05)
    return load.take()


def garbage_from_one_of_two(real: FaultStack, folder: Path) -> Outcome:
    """One healthy Triton, and one that answers nonsense of four kinds."""
    with _liar(real) as (triton, supervisor):
        triton.spoil = _any_kind
        tritons = f"{real.description['triton']['grpc']},{triton.address}"
        supervisors = f"{real.supervisor_url(0)},{supervisor.url}"
        with _load_through(real, folder / "two", tritons, supervisors) as load:
            counts = _wait_for_requests(load)
        assert triton.asked, "the liar was not asked"
    return Outcome(GARBAGE, 2, counts, 0.0, [])


def garbage_from_the_only_one(real: FaultStack, folder: Path) -> Outcome:
    """Nobody can answer: every request must get a clean error."""
    with _liar(real) as (triton, supervisor):
        triton.spoil = _no_outputs
        with _load_through(real, folder / "one", triton.address, supervisor.url) as load:
            counts = _wait_for_requests(load)
    return Outcome(GARBAGE, 1, counts, 0.0, [])
