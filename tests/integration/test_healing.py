"""What dies or hangs under eight clients is put right, how fast, and what it leaves behind."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.supervised_triton import PROJECT, Supervised, eight_clients, supervised
from triptych.client.triton import TritonConnection

logger = logging.getLogger(__name__)

REPOSITORY = PROJECT / "model_repository"
STEPS = ("preprocess", "model", "postprocess")
# The aim is 2.5 s after a death, and after the canary's deadline (2 s) of a hang; the rest is
# slack for a machine that others use too.
DEAD_SECONDS = 5.0
HUNG_SECONDS = 7.5
RESTART_SECONDS = 25.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    # No restart of its own accord, and no wait between many ends in a row.
    settings = {"quiet_seconds": 3600, "restart_backoff_seconds": 0.01}
    with supervised(tmp_path_factory.mktemp("healing"), REPOSITORY, **settings) as running:
        yield running


def digits(running: Supervised) -> dict[str, Any]:
    return dict(running.status()["releases"]["digits_r1"])


def configs(running: Supervised) -> dict[str, dict[str, Any]]:
    with TritonConnection(running.grpc) as triton:
        found = {step: triton.model_config(f"digits_r1_{step}", 10) for step in STEPS}
    for config in found.values():
        config.setdefault("parameters", {}).pop("triptych_heal", None)
    return found


def be_well(running: Supervised) -> None:
    running.wait(running.is_ready, "readiness")
    time.sleep(3.1)  # two deaths within three seconds count as one heal that failed


# Every step and signal, with one Triton and two: tests/faults. Here: what the supervisor says.
@pytest.mark.parametrize(
    ("step", "how"), [("model", signal.SIGKILL), ("preprocess", signal.SIGSTOP)]
)
def test_a_stub_that_dies_or_hangs_is_replaced_while_others_are_served(
    running: Supervised, step: str, how: signal.Signals
) -> None:
    be_well(running)
    before, served = digits(running), configs(running)
    with eight_clients(running.grpc) as load:
        running.wait(lambda: load.ok > 20, "load")
        os.kill(running.stub(f"digits_r1_{step}").pid, how)
        wait = running.wait(lambda: digits(running)["heals"] > before["heals"], "heal")
        answered = load.ok
        running.wait(lambda: load.ok > answered + 20, "answers after it")
    after = digits(running)

    logger.info("%s %s: ready after %.2f s, %d failed", how.name, step, wait, load.failed["failed"])
    assert wait < (DEAD_SECONDS if how is signal.SIGKILL else HUNG_SECONDS)
    assert load.wrong == 0
    assert after["state"] == "ready"
    assert after["stub_deaths"] == before["stub_deaths"] + 1
    assert after["heals"] == before["heals"] + 1
    cause = "died" if how is signal.SIGKILL else "hung"
    assert after["last_heal"]["cause"] == f"{step}: stub {cause}"
    assert configs(running) == served
    assert "dead stubs" in running.status()["restart_wanted"]


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGSEGV])
def test_a_tritonserver_that_is_gone_or_hangs_is_started_again_and_proven(
    running: Supervised, how: signal.Signals
) -> None:
    be_well(running)
    before = running.status()
    with eight_clients(running.grpc) as load:
        running.wait(lambda: load.ok > 20, "load")
        os.kill(running.triton_pid(), how)
        wait = running.wait(
            lambda: running.status()["starts"] > before["starts"] and running.is_ready(),
            "restart",
            RESTART_SECONDS,
        )
        answered = load.ok
        running.wait(lambda: load.ok > answered + 20, "answers after it")
    after = running.status()

    logger.info("%s tritonserver: ready after %.2f s", how.name, wait)
    assert load.wrong == 0
    assert after["starts"] == before["starts"] + 1
    assert after["phase"] == "serving"
    assert after["instance"] == before["instance"]
    assert after["restart_wanted"] is None
    # Stubs that end together with their server did not die by themselves.
    assert digits(running)["stub_deaths"] == before["releases"]["digits_r1"]["stub_deaths"]
    assert after["heals"][-1]["release"] is None


def test_draining_is_told_and_taken_back_and_a_restart_begins_with_it(running: Supervised) -> None:
    be_well(running)
    before = running.status()

    drained = running.post("/drain")
    assert (drained.status_code, drained.json()["phase"]) == (200, "draining")
    assert not running.status()["ready"]
    assert digits(running)["state"] == "ready"
    assert running.post("/undrain").json()["ready"] is True

    assert running.post("/restart").status_code == 202
    assert running.post("/restart").status_code == 409
    running.wait(lambda: running.status()["phase"] == "draining", "drain")
    wait = running.wait(
        lambda: running.status()["starts"] > before["starts"] and running.is_ready(), "restart"
    )
    logger.info("restart: ready after %.2f s", wait)
    assert running.status()["triton"]["pid"] != before["triton"]["pid"]


def test_what_a_heal_leaves_behind_is_gone_after_a_restart_at_a_quiet_moment(
    tmp_path: Path,
) -> None:
    with supervised(tmp_path, REPOSITORY, quiet_seconds=2) as running:
        own, regions = psutil.Process(running.process.pid), len(running.regions())
        be_well(running)
        descriptors = own.num_fds()
        for step in STEPS:
            heals = digits(running)["heals"]
            os.kill(running.stub(f"digits_r1_{step}").pid, signal.SIGKILL)
            running.wait(partial(has_healed, running, heals), "heal")
        assert zombies(running)
        assert len(running.regions()) > regions
        assert running.status()["starts"] == 1
        wait = running.wait(lambda: running.status()["starts"] == 2, "a restart by itself")
        running.wait(running.is_ready, "readiness")

        logger.info("quiet restart after %.2f s", wait)
        assert zombies(running) == []
        assert len(running.regions()) == regions
        running.wait(lambda: own.num_fds() <= descriptors + 2, "descriptors given back")


def has_healed(running: Supervised, heals_before: int) -> bool:
    return bool(digits(running)["heals"] > heals_before)


def has_started(running: Supervised, times: int) -> bool:
    return bool(running.status()["starts"] == times)


def zombies(running: Supervised) -> list[psutil.Process]:
    children = psutil.Process(running.process.pid).children(recursive=True)
    return [child for child in children if child.status() == psutil.STATUS_ZOMBIE]


def test_a_busy_server_is_slow_and_not_healed(tmp_path: Path) -> None:
    settings = {"canary_timeout_seconds": 0.02}  # nobody answers so fast under this load
    with supervised(tmp_path, REPOSITORY, **settings) as running:
        with eight_clients(running.grpc) as load:
            slow = "slow: it answers others, not the canary in time"
            running.wait(lambda: digits(running)["reason"] == slow, "a slow canary")
            running.wait(lambda: load.ok > 300, "load")
            status = running.status()
        assert load.failed["failed"] == 0
    assert (status["starts"], status["heals"]) == (1, [])
    assert status["releases"]["digits_r1"]["stub_deaths"] == 0


@pytest.mark.long
def test_a_triton_that_keeps_dying_is_given_time_and_says_when(tmp_path: Path) -> None:
    with supervised(tmp_path, REPOSITORY, restart_backoff_seconds=2) as running:
        for starts in (1, 2):
            running.wait(partial(has_started, running, starts), "start")
            running.wait(running.is_ready, "readiness")
            os.kill(running.triton_pid(), signal.SIGKILL)
        running.wait(lambda: running.status()["phase"] == "backing_off", "backing off")
        said = running.status()["reason"]
        assert said.startswith("ended 2 times, the next start is at 20")
        assert "exit code -9" in said
        running.wait(running.is_ready, "readiness")
        assert running.status()["starts"] == 3


def test_a_killed_supervisor_takes_triton_with_it_and_the_next_one_starts_clean(
    tmp_path: Path,
) -> None:
    with supervised(tmp_path, REPOSITORY) as running:
        started = psutil.Process(running.process.pid).children(recursive=True)
        running.process.kill()
        running.process.wait()
        psutil.wait_procs(started, timeout=15)
        assert [child for child in started if child.is_running()] == []
        with supervised(tmp_path, REPOSITORY) as again:
            assert again.is_ready()
    assert running.regions() == []
