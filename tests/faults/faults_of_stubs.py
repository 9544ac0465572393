"""A stub dies, or hangs: one process of Triton's Python backend, one step of one release."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

import psutil

from tests.faults.fault import Fault, Rig
from tests.faults.fault_stack import FaultStack

STEPS: Final = ("preprocess", "model", "postprocess")
# What the issue asks for, with one Triton; of a hung one the canary's deadline comes on top.
DEAD_SECONDS: Final = 2.5
HUNG_SECONDS: Final = 2.0 + 2.5
# Triton itself never gives these back; a restart at a quiet moment does.
UNTIL_THE_RESTART: Final = ("zombie", "region of shared memory", "more files of tritonserver")


def _is_another(stack: FaultStack, model: str, victim: psutil.Process) -> bool:
    """Whether a younger stub has taken the place of the victim, which is gone."""
    with suppress(psutil.NoSuchProcess):
        if victim.status() != psutil.STATUS_ZOMBIE:
            return False
    stubs = [*stack.all("stub", 0, model)]
    return any(stub.create_time() > victim.create_time() for stub in stubs)


@contextmanager
def _signal_stub(rig: Rig, *, step: str, number: int) -> Iterator[Callable[[], bool]]:
    model = f"digits_r1_{step}"
    victim = rig.stack.one("stub", 0, model)
    heals = rig.stack.status(0)["heals"]
    victim.send_signal(number)

    def is_healed() -> bool:
        # The list has an end: an entry more or another last one is a new heal.
        return rig.stack.status(0).get("heals", heals) != heals and _is_another(
            rig.stack, model, victim
        )

    try:
        yield is_healed
    finally:
        # One that nobody healed must not stay stopped: its server could never end.
        with suppress(psutil.NoSuchProcess):
            victim.resume()


def _dead(step: str) -> Fault:
    return Fault(
        f"kill -9 the {step} stub",
        partial(_signal_stub, step=step, number=signal.SIGKILL),
        within_seconds=DEAD_SECONDS,
        leaves=UNTIL_THE_RESTART,
        is_followed_by_a_restart=True,
        short_with=frozenset({1, 2}) if step == "preprocess" else frozenset({1}),
    )


def _hung(step: str) -> Fault:
    return Fault(
        f"hang the {step} stub (SIGSTOP)",
        partial(_signal_stub, step=step, number=signal.SIGSTOP),
        within_seconds=HUNG_SECONDS,
        leaves=UNTIL_THE_RESTART,
        is_followed_by_a_restart=True,
        short_with=frozenset({1, 2}) if step == "model" else frozenset(),
    )


DEAD_STUBS: Final = tuple(_dead(step) for step in STEPS)
HUNG_STUBS: Final = tuple(_hung(step) for step in STEPS)
