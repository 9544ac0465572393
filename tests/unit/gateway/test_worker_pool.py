"""The parent of the workers, with small programs in the workers' place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.process import worker_pool
from gateway.process.worker_pool import WorkerPool

_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
Story = Callable[[WorkerPool], None]
# Says that it serves, writes down its pid, and ends when it hears something or nobody is there. Who
# does not serve yet, as far as the pool has heard, gets SIGTERM besides.
_WORKER: Final = """
import os, signal, socket, sys
folder, number = sys.argv[1:3]
channel = socket.socket(fileno=int(number))
{before}
signal.signal(signal.SIGTERM, signal.SIG_IGN)
channel.send(b"s")
open(os.path.join(folder, f"{{os.getpid()}}.serves"), "w").close()
heard = channel.recv(1)
open(os.path.join(folder, f"{{os.getpid()}}.heard-{{heard.decode()}}"), "w").close()
"""


# A parent as the gateway's is, for what only the kernel can bring.
_PARENT: Final = """
import sys
from gateway.process.worker_pool import WorkerPool
command = (sys.executable, "-c", *sys.argv[1:])
sys.exit(WorkerPool(2, command, descriptors=(), variables={}, shutdown_seconds=5).run())
"""


@pytest.fixture(autouse=True)
def signals_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Stories tell the pool what the kernel would: a signal that goes astray ends all tests.
    monkeypatch.setattr(worker_pool, "_TICK_SECONDS", 0.02)
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run_pool(
    folder: Path, story: Story, *, count: int = 1, before: str = ""
) -> tuple[int, list[int]]:
    """Run a pool while the story happens, then end it; gives its exit code and who was buried."""
    buried: list[int] = []
    command = (sys.executable, "-c", _WORKER.format(before=before), str(folder))
    pool = WorkerPool(
        count, command, descriptors=(), variables={}, shutdown_seconds=5, on_end=buried.append
    )

    def tell() -> None:
        try:
            story(pool)
        finally:
            pool.hear(signal.SIGTERM)

    thread = threading.Thread(target=tell)
    thread.start()
    exit_code = pool.run()
    thread.join()
    return exit_code, buried


def serving(folder: Path) -> set[int]:
    """Everybody who ever said that it serves."""
    return {int(it.stem) for it in folder.glob("*.serves")}


def heard(folder: Path, command: str) -> set[int]:
    return {int(it.stem) for it in folder.glob(f"*.heard-{command}")}


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_workers_are_told_to_stop_and_the_end_is_a_success(tmp_path: Path) -> None:
    exit_code, buried = run_pool(
        tmp_path, lambda _: until(lambda: len(serving(tmp_path)) == 3), count=3
    )
    assert exit_code == 0
    assert heard(tmp_path, "x") == serving(tmp_path) == set(buried)


def test_a_hangup_replaces_each_once_its_successor_serves(tmp_path: Path) -> None:
    def story(pool: WorkerPool) -> None:
        until(lambda: len(serving(tmp_path)) == 2)
        pool.hear(signal.SIGHUP)
        until(lambda: len(heard(tmp_path, "r")) == 2)

    exit_code, _ = run_pool(tmp_path, story, count=2)
    assert exit_code == 0
    assert len(serving(tmp_path)) == 4
    assert len(heard(tmp_path, "x")) == 2


def test_the_kernels_signals_replace_and_end_as_told(tmp_path: Path) -> None:
    command = (sys.executable, "-c", _PARENT, _WORKER.format(before=""), str(tmp_path))
    with subprocess.Popen(command) as parent:
        try:
            until(lambda: len(serving(tmp_path)) == 2)
            parent.send_signal(signal.SIGHUP)
            until(lambda: len(heard(tmp_path, "r")) == 2)
            parent.send_signal(signal.SIGTERM)
            assert parent.wait(20) == 0
        finally:
            parent.kill()
    assert len(heard(tmp_path, "x")) == 2


def test_a_killed_worker_is_followed_by_another(tmp_path: Path) -> None:
    def story(_: WorkerPool) -> None:
        until(lambda: len(serving(tmp_path)) == 1)
        os.kill(serving(tmp_path).pop(), signal.SIGKILL)
        until(lambda: len(serving(tmp_path)) == 2)

    exit_code, buried = run_pool(tmp_path, story)
    assert (exit_code, len(buried)) == (0, 2)


def test_a_worker_that_is_heard_no_more_is_killed_and_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker_pool, "_HUNG_SECONDS", 0.3)  # these say that they serve only once

    exit_code, buried = run_pool(tmp_path, lambda _: until(lambda: len(serving(tmp_path)) == 2))
    assert exit_code == 0
    assert len(buried) >= 2
    assert "hangs and is killed" in caplog.text


def test_a_start_that_the_first_worker_refuses_ends_with_its_code() -> None:
    command = (sys.executable, "-c", "raise SystemExit(3)")
    pool = WorkerPool(1, command, descriptors=(), variables={}, shutdown_seconds=5)
    assert pool.run() == 3


def test_a_successor_that_does_not_come_up_leaves_the_old_one_in_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Only the first finds the folder without the file.
    before = (
        "first = os.path.join(folder, 'first')\n"
        "if os.path.exists(first): sys.exit(4)\n"
        "open(first, 'w').close()"
    )

    def story(pool: WorkerPool) -> None:
        until(lambda: len(serving(tmp_path)) == 1)
        pool.hear(signal.SIGHUP)
        until(lambda: "did not come up" in caplog.text)

    exit_code, _ = run_pool(tmp_path, story, before=before)
    assert exit_code == 0
    assert heard(tmp_path, "r") == set()
    assert heard(tmp_path, "x") == serving(tmp_path)


def test_whoever_presses_ctrl_c_twice_does_not_wait(tmp_path: Path) -> None:
    before = (
        "import time\n"
        "channel.send(b's')\n"
        "open(os.path.join(folder, '1.serves'), 'w').close()\n"
        "time.sleep(60)"
    )

    def story(pool: WorkerPool) -> None:
        until(lambda: len(serving(tmp_path)) == 1)
        pool.hear(signal.SIGINT)
        pool.hear(signal.SIGINT)

    began = time.monotonic()
    exit_code, buried = run_pool(tmp_path, story, before=before)
    assert (exit_code, len(buried)) == (0, 1)
    assert time.monotonic() - began < 10


def test_a_program_that_cannot_be_started_is_tried_again_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pool = WorkerPool(
        1, (str(tmp_path / "nobody"),), descriptors=(), variables={}, shutdown_seconds=1
    )

    def tell() -> None:
        until(lambda: "cannot be started" in caplog.text)
        pool.hear(signal.SIGTERM)

    thread = threading.Thread(target=tell)
    thread.start()
    assert pool.run() == 0
    thread.join()
