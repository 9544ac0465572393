from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from triptych.errors import AlreadyRunning
from triptych.stack.state_lock import lock_holder, state_lock

# Takes the lock, says so, and holds it until its standard input ends.
HOLD = """
import sys
from pathlib import Path
from triptych.stack.state_lock import state_lock
with state_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold_elsewhere(state_dir: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_holder_in_this_process_is_refused_with_the_firsts_pid(tmp_path: Path) -> None:
    with (
        state_lock(tmp_path),
        pytest.raises(AlreadyRunning, match=rf"already runs in {tmp_path} \(pid {os.getpid()}\)"),
        state_lock(tmp_path),
    ):
        pytest.fail("two hold the lock")


def test_a_holder_in_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    with hold_elsewhere(tmp_path) as holder:
        with (
            pytest.raises(AlreadyRunning, match=rf"\(pid {holder.pid}\).*triptych down"),
            state_lock(tmp_path),
        ):
            pytest.fail("two hold the lock")
        holder.send_signal(signal.SIGKILL)
        holder.wait()

        with state_lock(tmp_path):
            assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_whoever_holds_the_lock_is_known_to_others_and_nobody_when_it_is_free(
    tmp_path: Path,
) -> None:
    assert lock_holder(tmp_path) is None
    with state_lock(tmp_path):
        assert lock_holder(tmp_path) == os.getpid()
    assert lock_holder(tmp_path) is None


def test_a_state_folder_that_others_could_read_is_taken_back(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with state_lock(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_the_lock_is_given_back_even_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), state_lock(tmp_path):
        raise KeyError

    with state_lock(tmp_path):
        pass


def test_different_state_folders_do_not_disturb_each_other(tmp_path: Path) -> None:
    with state_lock(tmp_path / "one"), state_lock(tmp_path / "two"):
        pass


def test_a_new_state_folder_is_its_owners_alone(tmp_path: Path) -> None:
    with state_lock(tmp_path / "deep" / "state"):
        assert (tmp_path / "deep" / "state").stat().st_mode & 0o777 == 0o700
