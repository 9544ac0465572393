"""Start the processes of a floor, let them work at the same time, and add up what they did."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Final

from benchmarks.comparison.floor import classify, open_session
from benchmarks.comparison.load import Load
from benchmarks.comparison.same_code_floor import loops_for
from benchmarks.network_cache import Network
from triptych.stack.child_process import END_WITH_PARENT

_PLAIN: Final = "benchmarks.comparison.floor"
_SAME_CODE: Final = "benchmarks.comparison.same_code_floor"

# Lets all of them work for so many seconds: what they did together, and their CPU seconds.
Work = Callable[[float], tuple[Load, float]]


@contextmanager
def plain_floor(network: Network, folder: Path, cores: int) -> Iterator[Work]:
    """The obvious loop, one process per core, over the *.jpg of a folder."""
    with _processes(cores, _PLAIN, str(network.onnx_file), str(folder)) as work:
        yield work


@contextmanager
def same_code_floor(release: Path, folder: Path, batch: int, cores: int) -> Iterator[Work]:
    """The release's own code in a loop, on all cores, so many pictures at once."""
    count = loops_for(release, cores)
    with _processes(count, _SAME_CODE, str(release), str(folder), str(batch)) as work:
        yield work


@contextmanager
def _processes(count: int, module: str, *arguments: str) -> Iterator[Work]:
    with ExitStack() as running:
        pipes = [running.enter_context(_process(module, *arguments)) for _ in range(count)]
        for _, output in pipes:
            output.readline()  # it is ready

        def work(seconds: float) -> tuple[Load, float]:
            for entrance, _ in pipes:
                entrance.write(f"{seconds}\n")
                entrance.flush()
            told = [json.loads(output.readline()) for _, output in pipes]
            load = Load(
                times_ms=[milliseconds for one in told for milliseconds in one["times_ms"]],
                images=sum(one["images"] for one in told),
                seconds=max(one["seconds"] for one in told),
            )
            return load, sum(one["cpu_seconds"] for one in told)

        yield work


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[tuple[IO[str], IO[str]]]:
    """One process: its entrance and its output."""
    command = [*END_WITH_PARENT, sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("a pipe was asked for")
            yield process.stdin, process.stdout
        finally:
            process.kill()


@cache
def floor_labels(network: Network, pictures: tuple[bytes, ...]) -> tuple[str, ...]:
    """The first label of each picture, for others to be held against."""
    session = open_session(network.onnx_file)
    return tuple(str(classify(session, picture)[0]) for picture in pictures)
