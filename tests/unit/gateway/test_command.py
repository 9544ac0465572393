"""python -m gateway and its worker: settings from the environment, JSON on standard error."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from gateway.__main__ import main
from gateway.process import worker
from gateway.process.listening import listen
from gateway.process.server import GatewayServer
from gateway.process.worker_pool import SERVING, STOP
from triptych.stack.ports import free_ports


@pytest.fixture
def handlers_as_before() -> Iterator[None]:
    """Give pytest its log handlers back."""
    root, httpx = logging.getLogger(), logging.getLogger("httpx")
    handlers, levels = root.handlers[:], (root.level, httpx.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    httpx.setLevel(levels[1])


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """As the parent binds it."""
    (made,) = listen("127.0.0.1", free_ports(1)[0], "GATEWAY_PORT")
    yield made
    made.close()


def worker_arguments(listener: socket.socket) -> tuple[socket.socket, list[str]]:
    """The parent's end of the channel, and what a worker is given."""
    ours, theirs = socket.socketpair()
    return ours, ["", str(theirs.detach()), str(os.dup(listener.fileno())), ""]


@pytest.mark.usefixtures("handlers_as_before")
def test_a_worker_serves_as_its_variables_say_and_logs_json(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    listener: socket.socket,
) -> None:
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path))
    servers: list[GatewayServer] = []

    def run(server: GatewayServer, sockets: list[socket.socket]) -> None:
        (given,) = sockets
        assert given.getsockname() == listener.getsockname()
        given.close()
        server.started = True
        servers.append(server)

    monkeypatch.setattr(GatewayServer, "run", run)
    channel, arguments = worker_arguments(listener)
    with channel:
        worker.main(arguments)
    (server,) = servers
    assert isinstance(server.config.app, FastAPI)
    assert (server.config.access_log, server.config.server_header) == (False, False)

    logging.getLogger("uvicorn.error").info("running on port %d", 9090)
    logging.getLogger("httpx").info("one more look at the supervisor")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "running on port 9090"


@pytest.mark.usefixtures("handlers_as_before")
def test_a_worker_says_that_it_serves_and_ends_when_its_parent_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: socket.socket
) -> None:
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("GATEWAY_SUPERVISOR_URL", "http://127.0.0.1:1")
    channel, arguments = worker_arguments(listener)
    heard: list[bytes] = []

    def parent() -> None:
        heard.append(channel.recv(1))
        channel.send(STOP)

    thread = threading.Thread(target=parent)
    thread.start()
    with channel:
        worker.main(arguments)
        thread.join()
    assert heard == [SERVING]


@pytest.mark.usefixtures("handlers_as_before")
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"PORT": "soon", "REDIS_URL": "redis://:hunter2@cache", "CORS_ORIGINS": "[broken"},
            "gateway: GATEWAY_PORT: .*; GATEWAY_CORS_ORIGINS: ",
        ),
    ],
)
def test_settings_that_make_no_sense_end_it_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    with pytest.raises(SystemExit, match=said) as ended:
        main()
    assert "hunter2" not in str(ended.value)
    assert "\n" not in str(ended.value)


@pytest.mark.usefixtures("handlers_as_before")
def test_a_worker_that_did_not_start_is_no_success(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: socket.socket
) -> None:
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path))

    def run(_: GatewayServer, sockets: list[socket.socket]) -> None:
        sockets[0].close()

    monkeypatch.setattr(GatewayServer, "run", run)
    channel, arguments = worker_arguments(listener)
    with channel, pytest.raises(SystemExit) as ended:
        worker.main(arguments)
    assert ended.value.code == 3


@pytest.mark.usefixtures("handlers_as_before")
def test_several_workers_without_redis_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_WORKERS", "2")
    with pytest.raises(SystemExit, match="gateway: GATEWAY_WORKERS=2 needs GATEWAY_REDIS_URL"):
        main()


def test_it_takes_no_arguments() -> None:
    with pytest.raises(SystemExit, match="docs/settings"):
        main(["--help"])


@pytest.mark.usefixtures("handlers_as_before")
def test_a_port_that_is_taken_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("GATEWAY_PORT", str(port))
        with pytest.raises(SystemExit, match=rf"gateway: cannot listen on 127\.0\.0\.1:{port} "):
            main()


@pytest.mark.usefixtures("handlers_as_before")
def test_a_worker_without_its_tls_files_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    monkeypatch.setenv("GATEWAY_TLS_CERT_FILE", "/nowhere/hunter2.pem")
    channel, arguments = worker_arguments(listener)
    os.close(int(arguments[2]))
    with channel, pytest.raises(SystemExit, match="gateway: GATEWAY_TLS_CERT_FILE and ") as ended:
        worker.main(arguments)
    assert "hunter2" not in str(ended.value)
