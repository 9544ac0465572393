"""A whole Triton, its supervisor, the gateway or the UI ends, hangs, or is restarted."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import httpx
import psutil

from tests.faults.fault import Fault, Rig
from tests.faults.fault_stack import FaultStack

# A request that is on its way to a worker when that is killed is lost with it: at most one of each
# of the eight clients.
_IN_FLIGHT: Final = 8
# Nobody waits for these: one after the other is replaced, each at its leisure.
_RESTART_SECONDS: Final = 60.0


def _all_anew(
    stack: FaultStack, role: str, triton: int | None, before: Sequence[psutil.Process]
) -> bool:
    """Whether as many run as before, and none of them did then."""
    now = stack.all(role, triton)
    return len(now) == len(before) and not set(now) & set(before)


@contextmanager
def _signal(
    rig: Rig, *, role: str, number: int, triton: int | None = None
) -> Iterator[Callable[[], bool]]:
    """Send a signal to the oldest process of a role and wait for another in its place."""
    before = rig.stack.all(role, triton)
    victim = rig.stack.one(role, triton)
    victim.send_signal(number)

    def is_replaced() -> bool:
        now = rig.stack.all(role, triton)
        return victim not in now and len(now) == len(before)

    try:
        yield is_replaced
    finally:
        with suppress(psutil.NoSuchProcess):
            victim.resume()


@contextmanager
def _kill_supervisor(rig: Rig, *, number: int) -> Iterator[Callable[[], bool]]:
    server = rig.stack.all("tritonserver", 0)
    with _signal(rig, role="supervisor", number=number, triton=0) as is_replaced:
        yield lambda: is_replaced() and _all_anew(rig.stack, "tritonserver", 0, server)


@contextmanager
def _kill_gateway_worker(rig: Rig) -> Iterator[Callable[[], bool]]:
    """The process that answers: a worker where there are several, else the gateway itself."""
    role = "worker" if rig.stack.all("worker") else "gateway"
    with _signal(rig, role=role, number=signal.SIGKILL) as is_replaced:
        yield lambda: is_replaced() and all(_asks(rig.stack, it) for it in rig.stack.all(role))


def _asks(stack: FaultStack, gateway: psutil.Process) -> bool:
    """Whether a gateway has got past its database, and asks the supervisors.

    Its replacement alone is not enough: it would end if the next fault took the database from it.
    """
    ports = {urlsplit(stack.supervisor_url(number)).port for number in range(stack.tritons)}
    with suppress(psutil.Error):
        return any(it.raddr and it.raddr.port in ports for it in gateway.net_connections("tcp"))
    return False


@contextmanager
def _kill_ui(rig: Rig) -> Iterator[Callable[[], bool]]:
    health = f"{rig.stack.description['ui']['url']}/_stcore/health"

    def is_shown() -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(health, timeout=2, trust_env=False).is_success
        return False

    with _signal(rig, role="ui", number=signal.SIGKILL) as is_replaced:
        yield lambda: is_replaced() and is_shown()


@contextmanager
def _restart(rig: Rig, *, what: str, role: str) -> Iterator[Callable[[], bool]]:
    before = rig.stack.all(role)
    done = rig.stack.command("restart", what)
    assert done.returncode == 0, f"triptych restart {what}: {done.stdout}{done.stderr}"
    yield partial(_all_anew, rig.stack, role, None, before)


_WITH_TWO: Final = frozenset({2})


def _server(name: str, number: int) -> Fault:
    injection = partial(_signal, role="tritonserver", number=number, triton=0)
    return Fault(name, injection, short_with=_WITH_TWO)


SERVER_FAULTS: Final = (
    _server("kill -9 tritonserver", signal.SIGKILL),
    _server("SIGTERM tritonserver", signal.SIGTERM),
    _server("SIGSTOP tritonserver", signal.SIGSTOP),
)
SUPERVISOR_FAULTS: Final = (
    Fault(
        "SIGTERM the supervisor",
        partial(_kill_supervisor, number=signal.SIGTERM),
        short_with=frozenset(),
    ),
    Fault(
        "kill -9 the supervisor",
        partial(_kill_supervisor, number=signal.SIGKILL),
        short_with=frozenset({1}),
    ),
)
ROLLING_RESTART: Final = Fault(
    "triptych restart triton",
    partial(_restart, what="triton", role="tritonserver"),
    within_seconds=_RESTART_SECONDS,
    short_with=_WITH_TWO,
)
GATEWAY_RESTART: Final = Fault(
    "triptych restart gateway",
    partial(_restart, what="gateway", role="worker"),
    may_fail=0,
    within_seconds=_RESTART_SECONDS,
    short_with=frozenset({1}),
)
GATEWAY_KILLED: Final = Fault(
    "kill -9 the gateway worker", _kill_gateway_worker, may_fail_with_two=_IN_FLIGHT
)
UI_KILLED: Final = Fault("kill -9 the UI", _kill_ui, may_fail=0)
