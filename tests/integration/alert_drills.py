"""What is done to a stack so that an alert has to fire; docs/runbook.md tells of each."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx
import psutil

from python_backends.shared.contract import Task
from tests import pictures
from tests.integration.alert_rig import (
    BROKEN,
    LIKE,
    SLOW,
    UNBATCHED,
    WRONG,
    Rig,
    break_release,
    predict,
)
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed
from triptych.stack.shared_memory import region_prefix
from triptych.supervisor.stub_processes import find_stubs

# A Triton that ended again and again waits for up to a minute before it is started.
_START_SECONDS: Final = 120.0


def _nothing(_: Rig) -> None:
    pass


@dataclass(frozen=True)
class Drill:
    """One kind of trouble, and what docs/runbook.md says to do about it."""

    name: str
    fires: frozenset[str]
    begin: Callable[[Rig], None] = _nothing
    again: Callable[[Rig], None] = _nothing
    """Each second until the alerts fire, because a stack heals; `follows` goes on after that."""
    mend: Callable[[Rig], None] = _nothing
    """The runbook's steps; the alerts have to end of them."""
    follows: bool = False
    """Whether the harm is that of a release: it goes on until nobody uses that."""
    end: Callable[[Rig], None] = _nothing
    """What is left to be cleared away."""


def _signal(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)


def _signals(mark: str, number: int) -> Callable[[Rig], None]:
    def send(rig: Rig) -> None:
        for process in rig.processes(mark):
            _signal(process, number)

    return send


def _with(*steps: Callable[[Rig], None]) -> Callable[[Rig], None]:
    def all_of_them(rig: Rig) -> None:
        for step in steps:
            step(rig)

    return all_of_them


def _says(*words: str) -> Callable[[Rig], None]:
    """A command of the runbook."""

    def say(rig: Rig) -> None:
        rig.triptych(*words)

    return say


def _move_to(release: str) -> Callable[[Rig], None]:
    """A new release that comes with trouble."""
    return _with(lambda rig: rig.load(release), lambda rig: rig.route(release))


def _back_from(release: str) -> Callable[[Rig], None]:
    """The runbook's answer to one."""
    return _with(
        _says("routes", "rollback", "digits", "--reason", "a drill"),
        _says("releases", "unload", release, "--reason", "a drill"),
    )


def _kill_its_stub(rig: Rig) -> None:
    """The trouble of digits_r6: with traffic, its last step ends."""
    status = rig.status()
    if status.get("ready") and rig.arm() == LIKE:
        for stub in find_stubs(int(status["triton"]["pid"])):
            if stub.model == f"{LIKE}_postprocess":
                _signal(psutil.Process(stub.pid), signal.SIGKILL)


def _kill_its_triton(rig: Rig) -> None:
    """The trouble of digits_r6: where it is to be loaded, Triton does not live long."""
    if LIKE in (rig.stack.state_dir / "desired.json").read_text().partition('"unloaded"')[0]:
        _signals(TRITON, signal.SIGKILL)(rig)


def _unload_between_starts(rig: Rig) -> None:
    """It is refused while Triton is just being started: then ask again."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            rig.triptych("releases", "unload", LIKE, "--reason", "a drill")
        except AssertionError:
            assert time.monotonic() < deadline, rig.status()
            time.sleep(0.5)
        else:
            return


def _ask_directly(rig: Rig) -> None:
    rig.load(UNBATCHED)
    address, image = rig.stack.triton["grpc"], pictures.seven_jpeg()

    def once(_: httpx.Client) -> None:
        with TritonConnection(address) as connection, suppress(CallFailed):
            connection.classify(UNBATCHED, Task.IMAGE_CLASSIFICATION, [image], 20)

    rig.ask(60, once)


def _fill_shared_memory(rig: Rig) -> None:
    """As regions do that dead stubs have left: they bear this Triton's prefix."""
    left = rig.shared_memory / f"{region_prefix(rig.stack.state_dir)}left"
    with left.open("wb", buffering=0) as filler, suppress(OSError):
        for _ in range(1024):
            filler.write(bytes(1 << 20))
    # A little room, so that nothing fails of it.
    with left.open("r+b") as filler:
        filler.truncate(filler.seek(0, 2) - (4 << 20))


def _send_harm(rig: Rig) -> None:
    """Somebody else's key; `_revoke_the_sender` has to find which."""
    rig.stranger = rig.triptych("keys", "create", "somebody").split()[-1]
    assert _harm_is_answered(rig) == HTTPStatus.UNPROCESSABLE_ENTITY


def _harm_is_answered(rig: Rig) -> int:
    url = f"{rig.stack.gateway_url}/v1/predict/words"
    body, headers = {"text": "kill-the-stub now"}, {"X-API-Key": rig.stranger}
    answer = httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False)
    return answer.status_code


def _revoke_the_sender(rig: Rig) -> None:
    """Who it was stands in the log."""
    log = (rig.stack.state_dir / "logs" / "gateway.log").read_text()
    (line,) = [line for line in log.splitlines() if '"error": "harmful_input"' in line]
    rig.triptych("keys", "revoke", json.loads(line)["key_id"])
    assert _harm_is_answered(rig) == HTTPStatus.UNAUTHORIZED


def _roll_out(release: str) -> Callable[[Rig], None]:
    def begin(rig: Rig) -> None:
        rig.call("POST", "/v1/admin/rollouts", alias="digits", to=release, mirror_percent=1)

    return begin


TRITON, SUPERVISOR, WORKER = "bin/tritonserver", "triptych triton", "gateway.worker"


def _stop_worker_of_a_running_one(rig: Rig) -> None:
    workers = rig.processes(WORKER)
    if not workers or workers[0].status() == psutil.STATUS_STOPPED:
        return
    (latest,) = rig.call("GET", "/v1/admin/rollouts?limit=1")["rollouts"]
    if latest["state"] == "running":
        _signals(WORKER, signal.SIGSTOP)(rig)


def _stop_the_gateways_workers(rig: Rig) -> None:
    """What holds the socket goes on."""
    for worker in psutil.Process(int(rig.stack.description["gateway"]["pid"])).children():
        _signal(worker, signal.SIGSTOP)


DRILLS: Final = (
    Drill(
        "shared memory is nearly full",
        frozenset({"SharedMemoryRunsOut"}),
        begin=_fill_shared_memory,
        mend=_says("restart", "triton"),
    ),
    Drill(
        "a shadow gives other labels",
        frozenset({"ShadowDisagrees"}),
        begin=_with(lambda rig: rig.load(WRONG), lambda rig: rig.route("digits_r1", WRONG)),
        mend=_says("routes", "set", "digits", "digits_r1=100"),
        end=_says("releases", "unload", WRONG),
    ),
    Drill(
        "a candidate cannot be loaded",
        frozenset({"RolloutStopped"}),
        begin=_with(lambda rig: break_release(rig.repository), _roll_out(BROKEN)),
        mend=_says("rollout", "show", "digits"),
    ),
    Drill(
        "the worker hangs while a rollout runs",
        frozenset({"RolloutNotDriven"}),
        begin=_roll_out(LIKE),
        again=_stop_worker_of_a_running_one,
        mend=_signals(WORKER, signal.SIGKILL),
        end=_says("rollout", "abort", "digits", "--reason", "the drill is over"),
    ),
    Drill(
        "the worker hangs while items of a job wait",
        frozenset({"JobsStandStill"}),
        begin=_with(_signals(WORKER, signal.SIGSTOP), lambda rig: rig.hand_in_a_job()),
        again=_signals(WORKER, signal.SIGSTOP),
        mend=_signals(WORKER, signal.SIGKILL),
    ),
    Drill(
        "a text that ends a stub",
        frozenset({"HarmfulItems"}),
        begin=_send_harm,
        mend=_revoke_the_sender,
    ),
    Drill(
        "direct clients of a release without batching",
        frozenset({"TritonQueueGrows", "BatchesCollapse"}),
        begin=_ask_directly,
        mend=lambda rig: rig.hush(),
        end=_says("releases", "unload", UNBATCHED),
    ),
    Drill(
        "a slow release",
        frozenset(
            {"QueueGrows", "LatencyBudgetBurnsFast", "LatencyBudgetBurnsSlowly", "CanarySlow"}
        ),
        begin=_with(_move_to(SLOW), lambda rig: rig.ask(20, predict, pause_seconds=2)),
        mend=_back_from(SLOW),
        end=lambda rig: rig.hush(),
    ),
    Drill(
        "a release whose last step ends again and again",
        frozenset({"HealsRepeat"}),
        begin=_move_to(LIKE),
        again=_kill_its_stub,
        mend=_back_from(LIKE),
        follows=True,
    ),
    Drill(
        "a release that ends Triton again and again",
        frozenset({"TritonRestarts", "TritonNotReady", "CanaryFails"}),
        begin=_move_to(LIKE),
        again=_kill_its_triton,
        mend=_with(
            _says("routes", "rollback", "digits", "--reason", "a drill"), _unload_between_starts
        ),
        follows=True,
    ),
    Drill(
        "supervisor and Triton hang",
        frozenset(
            {
                "PartAway",
                "NoTritonReady",
                "GatewayFails",
                "ErrorBudgetBurnsFast",
                "ErrorBudgetBurnsSlowly",
                "ErrorBudgetLeaks",
            }
        ),
        again=_with(_signals(SUPERVISOR, signal.SIGSTOP), _signals(TRITON, signal.SIGSTOP)),
        mend=_signals(SUPERVISOR, signal.SIGKILL),
    ),
    Drill(
        "the gateway hangs",
        frozenset({"GatewayGone", "PartAway"}),
        again=_stop_the_gateways_workers,
        mend=_says("restart", "gateway"),
    ),
)
