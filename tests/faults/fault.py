"""One fault: how it is made, how one knows that it is over, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.fault_stack import FaultStack
from tests.faults.leaks import Holdings, holdings
from tests.faults.load_process import Counts, LoadProcess

HEALTHY_WITHIN_SECONDS: Final = 25.0
_CALM_SECONDS: Final = 40.0
# So long the load goes on before and after.
_ANSWERS_BEFORE: Final = 20
_ANSWERS_AFTER: Final = 40


@dataclass
class Rig:
    """A running stack under load, and what else a fault needs to reach."""

    stack: FaultStack
    load: LoadProcess
    at_start: Holdings
    extras: dict[str, Any] = field(default_factory=dict)


# Does the harm, yields what tells that nothing of it is left, and undoes what it must undo.
Injection = Callable[[Rig], AbstractContextManager[Callable[[], bool]]]


@dataclass(frozen=True)
class Fault:
    """One kind of harm.

    Attributes:
        name: As the table says it.
        inject: Makes it.
        may_fail: Good requests that may fail with one Triton, or None: as many as it takes.
        may_fail_with_two: The same where a healthy Triton remains.
        within_seconds: How soon all must be well, on a machine of ordinary speed.
        leaves: What may stay until the server's next quiet moment.
        is_followed_by_a_restart: Whether `up` restarts the server at once where there is another; a
            server that answers until then and after it is well.
        short_with: With how many Tritons the short form makes it; the long form makes all.
    """

    name: str
    inject: Injection
    may_fail: int | None = None
    may_fail_with_two: int | None = 0
    within_seconds: float = HEALTHY_WITHIN_SECONDS
    leaves: tuple[str, ...] = ()
    is_followed_by_a_restart: bool = False
    short_with: frozenset[int] = frozenset({1, 2})


@dataclass(frozen=True)
class Outcome:
    """What one fault cost, once."""

    fault: str
    tritons: int
    counts: Counts
    seconds: float
    leaked: list[str]

    def complaints(self, fault: Fault, slowness: float) -> list[str]:
        """What of it is not as it must be."""
        allowed = fault.may_fail if self.tritons == 1 else fault.may_fail_with_two
        found = list(self.counts.complaints) if self.counts.wrong or self.counts.odd else []
        if allowed is not None and self.counts.failed > allowed:
            found.append(f"{self.counts.failed} good requests failed, {allowed} may")
            found += self.counts.complaints
        if self.seconds > fault.within_seconds * slowness:
            found.append(f"healthy after {self.seconds:.2f} s, not {fault.within_seconds} s")
        return found + [f"leaked: {it}" for it in self.leaked if not it.endswith(fault.leaves)]


def run_fault(rig: Rig, fault: Fault) -> Outcome:
    """Hurt a calm stack under load and measure until it is well again.

    Raises:
        AssertionError: it never was.
    """
    wait_until_calm(rig)
    before = holdings(rig.stack)
    rig.load.take()
    rig.load.wait_for_answers(_ANSWERS_BEFORE)
    started = time.monotonic()
    with fault.inject(rig) as is_over:
        seconds = _wait_until_well(rig.stack, fault, is_over, started)
        rig.load.wait_for_answers(_ANSWERS_AFTER)
    counts = rig.load.take()
    leaked = leaks_after(rig, before)
    return Outcome(fault.name, rig.stack.tritons, counts, seconds, leaked)


def _wait_until_well(
    stack: FaultStack, fault: Fault, is_over: Callable[[], bool], started: float
) -> float:
    planned = fault.is_followed_by_a_restart and stack.tritons > 1
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS  # what is done at leisure took its time
    while not (is_over() and stack.is_ready(or_restarting=planned) and stack.answers()):
        assert time.monotonic() < deadline, (
            f"not healthy after {HEALTHY_WITHIN_SECONDS} s; "
            f"over: {is_over()}, {[stack.status(i) for i in range(stack.tritons)]}"
        )
        time.sleep(0.02)
    return time.monotonic() - started


def wait_until_calm(rig: Rig) -> None:
    """Wait until all is well, under load.

    Of two Tritons none may still want the restart that follows a heal: `up` sees to it at once, and
    a fault that meets the other server then would leave none. With one it waits for a quiet moment.

    Raises:
        AssertionError: that never came.
    """
    deadline = time.monotonic() + _CALM_SECONDS
    while not (is_calm(rig.stack, or_wanting=rig.stack.tritons == 1) and rig.stack.answers()):
        states = [rig.stack.status(triton) for triton in range(rig.stack.tritons)]
        assert time.monotonic() < deadline, f"not calm: {states}"
        time.sleep(0.1)


def is_calm(stack: FaultStack, *, or_wanting: bool = False) -> bool:
    """Whether every Triton is ready and none wants a restart, or that does not matter."""
    states = [stack.status(triton) for triton in range(stack.tritons)]
    return all(
        state.get("ready") and (or_wanting or not state.get("restart_wanted")) for state in states
    )


def quiet_moment(rig: Rig, at_start: Holdings) -> list[str]:
    """Stop the load until everybody is calm; what is there more of than when all began?

    Raises:
        AssertionError: calm never came.
    """
    rig.load.pause(paused=True)
    deadline = time.monotonic() + _CALM_SECONDS
    while not is_calm(rig.stack):
        states = [rig.stack.status(triton) for triton in range(rig.stack.tritons)]
        assert time.monotonic() < deadline, f"not calm: {states}"
        time.sleep(0.1)
    rig.load.pause(paused=False)
    rig.load.wait_for_answers(_ANSWERS_AFTER)
    return leaks_after(rig, at_start)


def leaks_after(rig: Rig, before: Holdings, seconds: float = 2.0) -> list[str]:
    """What is there more of than before; what is about to go gets a moment for it."""
    deadline = time.monotonic() + seconds
    while (leaked := holdings(rig.stack).more_than(before)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return leaked
