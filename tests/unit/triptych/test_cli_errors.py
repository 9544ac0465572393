"""What goes wrong before anything runs is told in one sentence, never as a traceback."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.triptych.command_line import Ended, assert_one_sentence, run_triptych
from tests.unit.triptych.small_release import write_small_release
from triptych.stack.settings import StackSettings
from triptych.stack.state_lock import state_lock


@pytest.fixture(autouse=True)
def _no_trace() -> Iterator[None]:
    """`up` takes over two signals and may start processes; afterwards neither is left."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = set(psutil.Process().children())
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert set(psutil.Process().children()) <= before


def free_ports() -> list[object]:
    """Options that give every part a port of its own; nobody else's stack is in the way."""
    options = StackSettings().ports(with_ui=True)
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in options]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return [part for option, port in zip(options, ports, strict=True) for part in (option, port)]


def up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *more: object) -> Ended:
    where = ("--state-dir", tmp_path / "state", "--model-repository", tmp_path / "models")
    return run_triptych(monkeypatch, "up", *where, *free_ports(), *more)


@pytest.mark.parametrize("command", ["status", "keys list", "predict"])
def test_with_nothing_running_the_sentence_says_how_to_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    picture = tmp_path / "picture.jpg"
    picture.touch()
    files = [picture] if command == "predict" else []

    ended = run_triptych(monkeypatch, *command.split(), "--state-dir", tmp_path, *files)

    assert_one_sentence(ended, str(tmp_path), "triptych up")


def test_down_with_nothing_running_says_so_and_is_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = run_triptych(monkeypatch, "down", "--state-dir", tmp_path)

    assert ended.exit_code == 0
    assert str(tmp_path) in ended.output


def test_up_names_a_model_repository_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert_one_sentence(up(monkeypatch, tmp_path), str(tmp_path / "models"))


def test_up_names_a_model_repository_that_holds_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()

    assert_one_sentence(up(monkeypatch, tmp_path), str(tmp_path / "models"), "no release")


def test_up_names_a_model_file_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_small_release(tmp_path / "models")
    lost = tmp_path / "models" / "digits_r1_model" / "1" / "model.onnx"
    lost.unlink()

    assert_one_sentence(up(monkeypatch, tmp_path), "digits_r1", str(lost), "missing")


def test_up_names_a_certificate_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = write_small_release(tmp_path / "models")
    (folder / "release.json").write_text("{")

    assert_one_sentence(up(monkeypatch, tmp_path), "digits_r1", "release.json")


@pytest.mark.parametrize("option", StackSettings().ports(with_ui=True))
def test_up_names_a_port_in_use_and_the_option_that_changes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str
) -> None:
    write_small_release(tmp_path / "models")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ended = up(monkeypatch, tmp_path, option, port)

    assert_one_sentence(ended, f"Port {port} is in use", option)


def test_a_port_of_the_ui_is_not_needed_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = up(monkeypatch, tmp_path, "--ui-port", server.getsockname()[1], "--no-ui")

    assert_one_sentence(ended, "no model repository")  # the ports were all good


def test_up_names_the_stack_that_runs_there_already(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with state_lock(tmp_path / "state"):
        ended = up(monkeypatch, tmp_path)

    assert_one_sentence(ended, f"pid {os.getpid()}", "triptych down")


def test_a_setting_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRIPTYCH_START_TIMEOUT_SECONDS", "soon")

    ended = run_triptych(monkeypatch, "status", "--state-dir", tmp_path)

    assert_one_sentence(ended, "start_timeout_seconds")


@pytest.mark.parametrize(
    "arguments", [["up", "--gateway-port", "70000"], ["predict"], ["predict", "absent.jpg"], ["x"]]
)
def test_a_command_line_that_makes_no_sense_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    ended = run_triptych(monkeypatch, *arguments)

    assert ended.exit_code == 2
    assert "Usage: triptych" in ended.errors


def test_the_file_of_a_secret_that_cannot_be_read_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For root every file can be read, so what lies there is no text."""
    (tmp_path / "triptych_supervisor_secret").write_bytes(b"\xff")
    monkeypatch.setitem(StackSettings.model_config, "secrets_dir", tmp_path)

    ended = run_triptych(monkeypatch, "status", "--state-dir", tmp_path)

    assert_one_sentence(ended, "supervisor_secret", "UnicodeDecodeError")
