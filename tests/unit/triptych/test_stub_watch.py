"""Real processes in the places of tritonserver and its stubs."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.triptych.waiting import DEADLINE_SECONDS, wait_until
from triptych.supervisor.stub_processes import Stub, find_stubs
from triptych.supervisor.stub_watch import StubWatch

# Starts what it reads, as tritonserver does, and waits for a child when it is told to.
SERVER = """
import subprocess, sys
children = {}
for line in sys.stdin:
    verb, model, script = line.split()
    if verb == "start":
        children[model] = subprocess.Popen([sys.argv[1], script])
    else:
        children[model].terminate()
        children[model].wait()
"""
STUB = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
open(f"{sys.argv[0]}.{os.getpid()}", "x").close()  # SIGTERM may come from now on
time.sleep(60)
"""


@dataclass
class Server:
    """A parent of stubs, the watch over it, and what the watch said."""

    process: subprocess.Popen[str]
    folder: Path
    deaths: queue.SimpleQueue[Stub] = field(default_factory=queue.SimpleQueue)
    ended: threading.Event = field(default_factory=threading.Event)
    watch: StubWatch = field(init=False)

    def tell(self, verb: str, model: str) -> None:
        script = self._script(model)
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(STUB)
        assert self.process.stdin
        self.process.stdin.write(f"{verb} {model} {script}\n")
        self.process.stdin.flush()

    def _script(self, model: str) -> Path:
        return self.folder / model / "1" / "model.py"

    def start(self, model: str) -> Stub:
        known = set(find_stubs(self.process.pid))
        self.tell("start", model)
        wait_until(lambda: len(find_stubs(self.process.pid)) > len(known))
        (stub,) = set(find_stubs(self.process.pid)) - known
        script = self._script(model)
        wait_until(script.with_name(f"{script.name}.{stub.pid}").exists)
        self.watch.refresh()
        return stub

    def assert_no_death(self) -> None:
        with pytest.raises(queue.Empty):
            self.deaths.get(timeout=0.6)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    binary = tmp_path / "triton_python_backend_stub"
    binary.symlink_to(sys.executable)
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(binary)], stdin=subprocess.PIPE, text=True
    )
    running = Server(process, tmp_path)
    running.watch = StubWatch(running.deaths.put, running.ended.set)
    thread = threading.Thread(target=running.watch.run)
    thread.start()
    running.watch.follow(process.pid)
    yield running
    for stub in find_stubs(process.pid):
        os.kill(stub.pid, signal.SIGKILL)
    running.watch.stop()
    thread.join(DEADLINE_SECONDS)
    process.kill()
    process.wait()
    assert process.stdin
    process.stdin.close()


def test_a_stub_is_known_by_the_folder_of_its_model(server: Server) -> None:
    stub = server.start("digits_r1_model")

    assert stub.model == "digits_r1_model"
    assert server.watch.stubs_of("digits_r1_model") == [stub]
    assert server.watch.stubs_of("digits_r1_preprocess") == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_a_stub_is_told_at_once_whatever_code_it_leaves(
    server: Server, how: signal.Signals
) -> None:
    stub, other = server.start("digits_r1_model"), server.start("digits_r1_preprocess")
    os.kill(stub.pid, how)

    assert server.deaths.get(timeout=DEADLINE_SECONDS) == stub
    assert server.watch.stubs_of("digits_r1_model") == []
    assert server.watch.stubs_of("digits_r1_preprocess") == [other]
    server.assert_no_death()


def test_a_stub_that_its_server_ends_and_waits_for_is_no_death(server: Server) -> None:
    server.start("digits_r1_model")

    server.tell("end", "digits_r1_model")

    server.assert_no_death()


def test_while_a_model_is_loaded_anew_its_old_stub_may_die_and_is_killed(server: Server) -> None:
    old = server.start("digits_r1_model")

    with server.watch.replacing("digits_r1_model") as leaving:
        new = server.start("digits_r1_model")
    assert leaving == [old]
    assert server.watch.stubs_of("digits_r1_model") == [new]
    server.watch.kill(old)
    wait_until(lambda: find_stubs(server.process.pid) == [new])

    server.assert_no_death()


def test_a_stub_that_dies_while_its_replacement_fails_is_a_death(server: Server) -> None:
    stub = server.start("digits_r1_model")

    def replace_in_vain() -> None:
        with server.watch.replacing("digits_r1_model"):
            os.kill(stub.pid, signal.SIGKILL)
            wait_until(lambda: find_stubs(server.process.pid) == [])
            time.sleep(0.2)  # the watch has taken it in
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replace_in_vain()
    assert server.deaths.get(timeout=DEADLINE_SECONDS) == stub


def test_the_end_of_the_server_is_one_event_and_no_death_of_its_stubs(server: Server) -> None:
    stub = server.start("digits_r1_model")

    server.process.kill()
    assert server.ended.wait(DEADLINE_SECONDS)
    os.kill(stub.pid, signal.SIGKILL)

    server.assert_no_death()


def test_a_watch_that_was_told_to_forget_says_nothing_more(server: Server) -> None:
    stub = server.start("digits_r1_model")

    server.watch.forget()
    os.kill(stub.pid, signal.SIGKILL)

    server.assert_no_death()
    assert not server.ended.is_set()
