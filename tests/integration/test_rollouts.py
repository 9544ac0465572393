"""Rollouts end to end: two real Tritons, two real gateways, PostgreSQL; the worker may die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import psutil
import pytest

from tests.faulty_candidates import write_faulty
from tests.integration.test_releases_command import copy_digits, write_like_digits
from tests.integration.two_gateways import TwoGateways, eight_clients, two_gateways
from tests.real_postgres import RealPostgres

ROLLOUTS = "/v1/admin/rollouts"
_SECONDS = 150.0
_AFTER_A_DECISION_SECONDS = 1.0
_SLOWER = 1.3
# Quick steps with as many requests as a decision takes; the defaults are for days, not for tests.
TERMS: dict[str, Any] = {
    "steps": [10, 50, 100],
    "step_seconds": 3,
    "mirror_percent": 50,
    "min_requests": 150,
    "min_pairs": 500,
}


pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def where(
    tmp_path_factory: pytest.TempPathFactory, postgres: RealPostgres
) -> Iterator[TwoGateways]:
    folder = tmp_path_factory.mktemp("rollouts")
    repository = folder / "models"
    copy_digits(repository)
    with two_gateways(folder, repository, postgres) as running:
        running.call("PUT", "/v1/routes/digits", arms=[{"release": "digits_r1", "weight": 100}])
        yield running


@dataclass(frozen=True)
class Ended:
    """How a rollout ended."""

    state: str
    sentence: str
    met: int
    """Requests that the candidate answered."""
    late: int
    """Of them, those that were sent more than a second after the end was seen."""


def wait_for(
    where: TwoGateways, rollout_id: str, is_so: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    deadline = time.monotonic() + _SECONDS
    while True:
        told = where.call("GET", f"{ROLLOUTS}/{rollout_id}", gateway=1)
        if is_so(told):
            return told
        assert time.monotonic() < deadline, told
        time.sleep(0.2)


def roll_out(where: TwoGateways, candidate: str, marked_share: float = 0.0) -> Ended:
    """Start one under load, and wait for its end."""
    with eight_clients(where, marked_share=marked_share) as clients:
        begun = where.call("POST", ROLLOUTS, alias="digits", to=candidate, **TERMS)
        told = wait_for(where, begun["id"], lambda it: it["state"] not in {"loading", "running"})
        seen_at = time.monotonic()
        time.sleep(_AFTER_A_DECISION_SECONDS + 0.5)
    met = [it for it in clients.seen if it.release == candidate]
    late = [it for it in met if it.sent_at > seen_at + _AFTER_A_DECISION_SECONDS]
    if "error" not in told["sentence"] and "failed" not in told["sentence"]:
        assert clients.failed() == []
    return Ended(told["state"], told["sentence"], len(met), len(late))


def weights(where: TwoGateways) -> dict[str, int]:
    """What the gateway that was not asked says after the second that it may take."""
    time.sleep(_AFTER_A_DECISION_SECONDS)
    route = where.call("GET", "/v1/routes/digits", gateway=1)
    assert route["shadow"] is None
    return {arm["release"]: arm["weight"] for arm in route["arms"]}


def test_an_identical_release_is_promoted_although_the_worker_dies_on_the_way(
    where: TwoGateways,
) -> None:
    write_like_digits(where.repository, "digits", 2)
    with eight_clients(where) as clients:
        begun = where.call("POST", ROLLOUTS, alias="digits", to="digits_r2", **TERMS)
        wait_for(where, begun["id"], lambda it: it["step"] == 1)
        os.kill(worker_of(where).pid, signal.SIGKILL)
        told = wait_for(where, begun["id"], lambda it: it["state"] not in {"loading", "running"})
    assert told["state"] == "promoted", told["sentence"]
    assert clients.failed() == []
    assert weights(where) == {"digits_r2": 100}
    back = where.call("POST", "/v1/routes/digits/rollback", reason="for the next test")
    assert [arm["release"] for arm in back["arms"]] == ["digits_r1"]


def worker_of(where: TwoGateways) -> psutil.Process:
    """The process that drives rollouts."""
    up = psutil.Process(where.stack.description["pid"])
    (found,) = [
        it for it in up.children(recursive=True) if "gateway.worker" in " ".join(it.cmdline())
    ]
    return found


def test_a_release_with_wrong_labels_is_stopped_before_anybody_meets_it(
    where: TwoGateways,
) -> None:
    candidate = write_faulty(where.repository, 3, "wrong")
    ended = roll_out(where, candidate, marked_share=0.05)
    assert ended.state == "rolled_back", ended
    assert "another label" in ended.sentence
    assert ended.late == 0
    assert weights(where) == {"digits_r1": 100}
    print(f"{ended.met} requests met it: {ended.sentence}")  # noqa: T201 - a figure


def test_a_release_that_fails_now_and_then_is_rolled_back(where: TwoGateways) -> None:
    candidate = write_faulty(where.repository, 4, "error")
    ended = roll_out(where, candidate, marked_share=0.02)
    assert ended.state == "rolled_back", ended
    assert ended.late == 0
    assert weights(where) == {"digits_r1": 100}
    print(f"{ended.met} requests met it: {ended.sentence}")  # noqa: T201 - a figure


def test_a_slower_release_is_rolled_back(where: TwoGateways) -> None:
    slow_ms = (_SLOWER - 1) * usual_ms(where)
    candidate = write_faulty(where.repository, 5, "slow", slow_ms=slow_ms)
    ended = roll_out(where, candidate)
    assert ended.state == "rolled_back", ended
    assert "longer" in ended.sentence
    assert weights(where) == {"digits_r1": 100}
    print(f"{ended.met} requests met it: {ended.sentence}")  # noqa: T201 - a figure


def usual_ms(where: TwoGateways) -> float:
    """What Triton takes for one request while eight clients ask."""
    with eight_clients(where) as clients:
        time.sleep(3)
    return median(it.triton_ms for it in clients.seen)
