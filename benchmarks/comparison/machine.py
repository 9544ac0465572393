"""On what, with what and in what state it was measured: environment.json."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np
import psutil

from benchmarks.process_cpu import core_seconds
from benchmarks.report import machine

_PACKAGES: Final = (
    *("nvidia-pytriton", "onnxruntime", "openvino", "numpy", "pillow", "simplejpeg", "grpcio"),
    *("tritonclient", "fastapi", "uvicorn", "uvloop", "httptools", "httpx"),
)
_TEST_SECONDS: Final = 0.7
_HASHED: Final = bytes(1 << 20)
_SIDE: Final = 512


def keep_to_cores(count: int) -> list[int]:
    """Keep this process and everything that it starts from now on to so many cores.

    Returns:
        Their numbers.
    """
    cores = sorted(os.sched_getaffinity(0))[:count]
    os.sched_setaffinity(0, cores)
    return cores


def speed_test() -> dict[str, float]:
    """How fast it is now: integer work on one core, and matrix products on all of them."""
    matrix = np.ones((_SIDE, _SIDE), np.float32)
    megabytes = _times_per_second(lambda: hashlib.sha256(_HASHED).digest())
    products = _times_per_second(lambda: matrix @ matrix)
    return {
        "sha256_mb_per_second": round(megabytes * len(_HASHED) / 1e6),
        "float32_gflops": round(products * 2 * _SIDE**3 / 1e9, 1),
    }


def _times_per_second(work: Callable[[], object]) -> float:
    count, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < _TEST_SECONDS:
        work()
        count += 1
    return count / seconds


def state() -> dict[str, Any]:
    """How busy and how fast the machine is, and CPU seconds since its start."""
    busy, stolen = core_seconds()
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_average": [round(it, 2) for it in os.getloadavg()],
        "machine_busy_seconds": round(busy),
        "stolen_seconds": round(stolen),
        "speed": speed_test(),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):  # not every engine is everywhere
            yield name, version(name)


def environment(cores: list[int], before: dict[str, Any], command: str) -> dict[str, Any]:
    """All of it, with the state before the run and now."""
    return {
        "machine": machine(),
        "kernel": platform.release(),
        "cores_of_the_machine": os.cpu_count(),
        "cores_used": cores,
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "packages": dict(_versions()),
        "command": command,
        "before": before,
        "after": state(),
    }
