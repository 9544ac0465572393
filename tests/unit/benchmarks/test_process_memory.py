from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.comparison.process_memory import memory_of_tree, shared_memory_bytes

SIZE = 1 << 20
# Maps a file twice in two processes, and stays until its entrance is closed.
HOLDER = """
import mmap, os, sys
with open(sys.argv[1], "r+b") as file:
    held = mmap.mmap(file.fileno(), 0)
if os.fork():
    print("mapped", flush=True)
    sys.stdin.read()
    os.wait()
else:
    sys.stdin.read()
"""


@pytest.fixture
def shared_file() -> Iterator[Path]:
    file = Path(f"/dev/shm/triptych-test-{os.getpid()}")  # noqa: S108 - shared memory is there
    file.write_bytes(bytes(SIZE))
    yield file
    file.unlink()


def test_shared_memory_that_two_processes_map_is_counted_once(shared_file: Path) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLDER, str(shared_file)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdin
        assert holder.stdout
        holder.stdout.readline()

        assert shared_memory_bytes(holder.pid) == SIZE
        assert len(memory_of_tree(holder.pid)) == 2
        holder.stdin.close()


def test_a_process_holds_no_more_by_share_than_it_has_resident() -> None:
    own = memory_of_tree(os.getpid())[0]

    assert own.pid == os.getpid()
    assert 0 < own.pss_bytes <= own.rss_bytes


def test_memory_that_no_file_shows_is_no_shared_memory() -> None:
    with mmap.mmap(-1, SIZE):
        assert shared_memory_bytes(os.getpid()) < SIZE
