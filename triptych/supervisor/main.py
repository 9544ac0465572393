"""Run one supervised Triton until told to stop; the process behind `triptych triton`."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Final

import uvicorn

from triptych.client.triton import TritonConnection
from triptych.errors import AlreadyRunning, PortInUse, StartFailed
from triptych.stack.preflight import check_environment, check_state_dir
from triptych.stack.serving_view import build_view, read_served_releases
from triptych.stack.settings import StackSettings
from triptych.stack.shared_memory import shared_memory_use
from triptych.stack.triton_addresses import TritonAddresses
from triptych.stack.triton_install import prepare_triton
from triptych.stack.triton_process import TritonProcess, region_prefix_of
from triptych.supervisor.access import check_access
from triptych.supervisor.api import create_supervisor_api
from triptych.supervisor.desired_set import DesiredSet
from triptych.supervisor.gpu_usage import GpuRows, ask_for_gpus
from triptych.supervisor.metrics import SupervisorMetrics
from triptych.supervisor.observations import Observations
from triptych.supervisor.process_usage import ProcessUsage
from triptych.supervisor.step_samples import StepSamples
from triptych.supervisor.stub_processes import processes_of
from triptych.supervisor.supervisor import Supervisor
from triptych.supervisor.trace_store import TraceStore

_KILL_SECONDS: Final = 4.0

logger = logging.getLogger(__name__)


def run_supervisor(settings: StackSettings) -> None:
    """Start Triton, serve the supervisor's HTTP, and stop Triton at the end, whatever ended it.

    Raises:
        StartFailed: Triton, or a release that a route names, did not come up.
        TriptychError: it cannot run here.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    check_access(settings)
    check_environment()
    check_state_dir(settings.state_dir)
    with _end_signals() as (wait, give_up), _own_lock(settings), _listening(settings) as listener:
        _end_orphans(settings)
        by_hand = DesiredSet(settings.desired_file).read()
        releases = read_served_releases(settings.model_repository, by_hand)
        build_view(settings.serving_dir, releases)
        install = prepare_triton(settings.backends_dir)
        metrics = SupervisorMetrics(partial(shared_memory_use, region_prefix_of(settings)))
        supervisor = Supervisor(
            lambda: TritonProcess(install, settings.serving_dir, settings),
            releases,
            settings,
            metrics,
        )
        observed = _observations(supervisor, settings)
        server = _server(supervisor, observed, metrics, settings)
        # This thread only waits: signals come to it, and it must not hold any lock then.
        keeper = _thread("keeper", supervisor.run, give_up)
        http = _thread("http", lambda: server.run(sockets=[listener]), give_up)
        samples = _thread("samples", observed.samples.watch, lambda: None)
        wait()
        _stop(supervisor, keeper, settings)
        server.should_exit = True
        observed.samples.stop()
        http.join(settings.canary_timeout_seconds)
        samples.join(settings.canary_timeout_seconds)
    if supervisor.start_failure:
        raise StartFailed(supervisor.start_failure)


def _stop(supervisor: Supervisor, keeper: threading.Thread, settings: StackSettings) -> None:
    supervisor.stop()
    keeper.join(settings.stop_seconds - _KILL_SECONDS)
    if keeper.is_alive():  # in the middle of a long load
        supervisor.kill()
        keeper.join(_KILL_SECONDS)


def _thread(
    name: str, work: Callable[[], None], at_the_end: Callable[[], None]
) -> threading.Thread:
    """Start one; a part that ends by itself ends all."""

    def run() -> None:
        try:
            work()
        finally:
            at_the_end()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


@contextmanager
def _end_signals() -> Iterator[tuple[Callable[[], None], Callable[[], None]]]:
    """Hand out what waits for the first SIGTERM or SIGINT, and what ends the wait otherwise."""
    wakes, wake = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(wake, False)

    def give_up() -> None:
        with suppress(BlockingIOError):
            os.write(wake, b"!")

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        give_up()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)  # for good: a second one changes nothing
    yield lambda: _read_one(wakes), give_up


def _read_one(fd: int) -> None:
    os.read(fd, 1)


@contextmanager
def _own_lock(settings: StackSettings) -> Iterator[None]:
    """One supervisor per Triton of a state folder; the kernel frees the lock when it dies."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    file = settings.state_dir / f"supervisor{settings.triton_suffix}.lock"
    with file.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise AlreadyRunning(f"Another supervisor holds {file}.") from exc
        yield


@contextmanager
def _listening(settings: StackSettings) -> Iterator[socket.socket]:
    """Take the port before anything is started."""
    host, port = settings.supervisor_host, settings.supervisor_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as exc:
            raise PortInUse(f"The supervisor cannot listen on {host}:{port}: {exc}.") from exc
        yield listener


def _end_orphans(settings: StackSettings) -> None:
    """What a killed supervisor left; with the lock held it is nobody else's."""
    for pid in processes_of(settings.backends_dir):
        logger.warning("ending process %d, which an earlier supervisor left behind", pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _server(
    supervisor: Supervisor,
    observed: Observations,
    metrics: SupervisorMetrics,
    settings: StackSettings,
) -> uvicorn.Server:
    api = create_supervisor_api(supervisor, observed, metrics, settings.supervisor_secret)
    return uvicorn.Server(uvicorn.Config(api, log_config=None, access_log=False))


def _observations(supervisor: Supervisor, settings: StackSettings) -> Observations:
    where = TritonAddresses.of(settings)

    def gpus() -> GpuRows:
        # Without a release on one there is nothing to ask for.
        uses_gpu = any(it.device == "gpu" for it in supervisor.status().releases.values())
        return ask_for_gpus(where.metrics) if uses_gpu else {}

    samples = StepSamples(
        lambda: TritonConnection(where.grpc, tls=where.tls),
        lambda: list(supervisor.status().releases),
        processes=ProcessUsage(),
        gpus=gpus,
    )
    return Observations(TraceStore(settings.traces_kept, settings.traces_max_bytes), samples)
