"""Run one supervised Triton until told to stop; the process behind `triptych triton`."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from triptych.client.triton import TritonConnection
from triptych.errors import StartFailed
from triptych.stack.observations import Observations
from triptych.stack.preflight import check_environment, check_state_dir
from triptych.stack.serving_view import build_view, read_releases
from triptych.stack.settings import StackSettings
from triptych.stack.step_samples import StepSamples
from triptych.stack.supervisor import Supervisor
from triptych.stack.supervisor_api import create_supervisor_api
from triptych.stack.trace_store import TraceStore
from triptych.stack.triton_install import prepare_triton
from triptych.stack.triton_process import TritonProcess


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Turn SIGTERM into an ordinary exit, so that `finally` runs; uvicorn raises it again."""
    sys.exit(0)


def run_supervisor(settings: StackSettings) -> None:
    """Start Triton, serve the supervisor's HTTP, and stop Triton at the end, whatever ended it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGTERM, _leave)
    check_environment()
    check_state_dir(settings.state_dir)
    releases = read_releases(settings.model_repository)
    view = settings.serving_dir
    build_view(view, releases)
    install = prepare_triton(settings.backends_dir)
    triton = TritonProcess(install, view, settings)
    supervisor = Supervisor(triton, releases, settings)
    observed = _observations(triton, supervisor, settings)
    server = _server(create_supervisor_api(supervisor, observed), settings.supervisor_port)

    def watch() -> None:
        try:
            supervisor.watch()
        except BaseException:
            server.should_exit = True  # nothing proves anything any more
            raise
        if supervisor.start_failure:
            server.should_exit = True

    watcher = threading.Thread(target=watch, name="watch", daemon=True)
    watcher.start()
    threading.Thread(target=observed.samples.watch, name="samples", daemon=True).start()
    try:
        server.run()
        if supervisor.start_failure:
            raise StartFailed(supervisor.start_failure)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the stop short
        observed.samples.stop()
        supervisor.stop()
        watcher.join(settings.canary_timeout_seconds)
        triton.stop()


def _observations(
    triton: TritonProcess, supervisor: Supervisor, settings: StackSettings
) -> Observations:
    samples = StepSamples(
        lambda: TritonConnection(triton.addresses.grpc), lambda: list(supervisor.status().releases)
    )
    return Observations(TraceStore(settings.traces_kept, settings.traces_max_bytes), samples)


def _server(api: Starlette, port: int) -> uvicorn.Server:
    config = uvicorn.Config(api, host="127.0.0.1", port=port, log_config=None, access_log=False)
    return uvicorn.Server(config)
