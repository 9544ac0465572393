"""A Triton that answers nonsense while its supervisor says that all is well.

A gateway of its own stands before a real Triton and a fake one, or before the fake alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.fake_supervisor import FakeSupervisor, running_supervisor
from tests.fakes.fake_triton import FakeTriton, running_triton
from tests.faults import table
from tests.faults.brittle_release import repository_with_a_brittle_step
from tests.faults.catalogue import GARBAGE, ORDER
from tests.faults.conftest import show
from tests.faults.fault import Outcome
from tests.faults.fault_stack import FaultStack, fault_stack
from tests.faults.load_process import Counts, running_load
from tests.gateway_process import gateway_process
from triptych.stack.supervisor_status import ReleaseStatus

_ANSWERS = 120


def no_outputs(response: Any) -> None:
    del response.outputs[:]
    del response.raw_output_contents[:]


def short_tensors(response: Any) -> None:
    for number, content in enumerate(response.raw_output_contents):
        response.raw_output_contents[number] = content[:3]


def other_types(response: Any) -> None:
    for output in response.outputs:
        output.datatype = "INT64"


def other_shapes(response: Any) -> None:
    for output in response.outputs:
        output.shape[0] += 1


GARBAGE_KINDS = (no_outputs, short_tensors, other_types, other_shapes)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultStack]:
    folder = tmp_path_factory.mktemp("garbage")
    repository = repository_with_a_brittle_step(folder / "models")
    with fault_stack(folder / "stack", repository, "--no-ui") as stack:
        yield stack


@contextmanager
def liar(real: FaultStack) -> Iterator[tuple[FakeTriton, FakeSupervisor]]:
    """A fake pair that claims to serve what the real one serves."""
    with running_triton() as triton, running_supervisor() as supervisor:
        supervisor.releases = [
            ReleaseStatus(**release) for release in real.status(0)["releases"].values()
        ]
        yield triton, supervisor


def ask(real: FaultStack, folder: Path, triton_urls: str, supervisor_urls: str) -> Counts:
    """Send the load through a gateway before these servers."""
    settings = {"triton_urls": triton_urls, "supervisor_urls": supervisor_urls}
    with gateway_process(folder / "state", folder / "gateway.log", **settings) as gateway:
        gateway.wait_until_it_answers()
        key = gateway.admin["X-API-Key"]
        deadline = time.monotonic() + 10
        with running_load(gateway.url, key, real.repository, folder / "load.log") as load:
            while load.over() < _ANSWERS:
                assert time.monotonic() < deadline, "no answers"
                time.sleep(0.05)
            return load.take()


@pytest.mark.parametrize("spoil", GARBAGE_KINDS, ids=lambda kind: kind.__name__)
def test_one_of_two_tritons_answers_garbage_and_nothing_is_lost(
    real: FaultStack, tmp_path: Path, spoil: Callable[[Any], None], pytestconfig: pytest.Config
) -> None:
    with liar(real) as (triton, supervisor):
        triton.spoil = spoil
        both = f"{real.description['triton']['grpc']},{triton.address}"
        counts = ask(real, tmp_path, both, f"{real.supervisor_url(0)},{supervisor.url}")
        assert triton.asked, "the liar was never asked"
    outcome = Outcome(f"{GARBAGE}: {spoil.__name__}", 2, counts, 0.0, [])
    show(outcome, 1.0)
    if pytestconfig.getoption("write_table"):
        table.record([outcome], ORDER.index(GARBAGE))
    assert counts.wrong == 0, counts.complaints
    assert counts.failed == 0, counts.complaints


def test_a_single_triton_that_answers_garbage_is_a_clean_error(
    real: FaultStack, tmp_path: Path
) -> None:
    with liar(real) as (triton, supervisor):
        triton.spoil = no_outputs
        counts = ask(real, tmp_path, triton.address, supervisor.url)
    assert counts.wrong == 0, counts.complaints
    assert counts.good == 0
    assert counts.failed == counts.requests
    assert all(" 50" in complaint for complaint in counts.complaints), counts.complaints
