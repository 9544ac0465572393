"""`triptych drain`, the preStop of a Triton container."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest

from tests.fakes.scripted_http import ScriptedServer, as_json, running_server
from tests.unit.triptych.command_line import assert_one_sentence, run_triptych


def here(monkeypatch: pytest.MonkeyPatch, supervisor: ScriptedServer) -> None:
    monkeypatch.setenv("TRIPTYCH_SUPERVISOR_PORT", str(urlsplit(supervisor.url).port))
    monkeypatch.setenv("TRIPTYCH_SUPERVISOR_SECRET", "hush")


def test_drain_tells_the_supervisor_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server() as supervisor:
        here(monkeypatch, supervisor)
        supervisor.answers["/drain"] = as_json({"phase": "draining"})
        began = time.monotonic()
        ended = run_triptych(monkeypatch, "drain", "--seconds", 0.2)

    assert (ended.exit_code, ended.errors) == (0, "")
    assert time.monotonic() - began >= 0.2
    (asked,) = supervisor.asked
    assert (asked.method, asked.headers["authorization"]) == ("POST", "Bearer hush")


def test_a_supervisor_that_refuses_or_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server() as supervisor:
        here(monkeypatch, supervisor)
        supervisor.answers["/drain"] = as_json({"error": "no"}, status=401)
        refused = run_triptych(monkeypatch, "drain")
    gone = run_triptych(monkeypatch, "drain")

    assert_one_sentence(refused, "401", "TRIPTYCH_SUPERVISOR_SECRET")
    assert_one_sentence(gone, "does not answer")
