"""python -m gateway: settings from the environment, JSON on standard error, then uvicorn."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from gateway.__main__ import main


@pytest.fixture
def handlers_as_before() -> Iterator[None]:
    """Give pytest its log handlers back."""
    root, httpx = logging.getLogger(), logging.getLogger("httpx")
    handlers, levels = root.handlers[:], (root.level, httpx.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    httpx.setLevel(levels[1])


@pytest.mark.usefixtures("handlers_as_before")
def test_the_command_serves_as_its_variables_say_and_logs_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_HOST", "127.0.0.2")
    monkeypatch.setenv("GATEWAY_PORT", "9090")
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path))
    servers: list[uvicorn.Server] = []

    def run(server: uvicorn.Server) -> None:
        server.started = True
        servers.append(server)

    monkeypatch.setattr(uvicorn.Server, "run", run)
    main()
    (server,) = servers
    assert isinstance(server.config.app, FastAPI)
    assert (server.config.host, server.config.port) == ("127.0.0.2", 9090)
    assert (server.config.access_log, server.config.server_header) == (False, False)

    logging.getLogger("uvicorn.error").info("running on port %d", 9090)
    logging.getLogger("httpx").info("one more look at the supervisor")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "running on port 9090"


@pytest.mark.usefixtures("handlers_as_before")
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"PORT": "soon", "REDIS_URL": "redis://:hunter2@cache", "CORS_ORIGINS": "[broken"},
            "gateway: GATEWAY_PORT: .*; GATEWAY_CORS_ORIGINS: ",
        ),
        ({"TLS_CERT_FILE": "/nowhere/hunter2.pem"}, "gateway: GATEWAY_TLS_CERT_FILE and "),
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
def test_a_server_that_did_not_start_is_no_success(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(uvicorn.Server, "run", lambda _: None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3


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
