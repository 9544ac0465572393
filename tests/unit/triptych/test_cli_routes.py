"""`triptych routes`: which arguments become which call, and what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.scripted_http import as_json
from tests.unit.triptych.command_line import Ended, assert_one_sentence
from tests.unit.triptych.scripted_gateway import ScriptedGateway, scripted_gateway

ROUTE = {
    "alias": "digits",
    "arms": [
        {"release": "digits_r1", "weight": 90, "name": "A"},
        {"release": "digits_r2", "weight": 10, "name": ""},
    ],
    "shadow": {"release": "digits_r3", "percent": 5.0},
    "sticky": "api_key",
    "revision": 4,
}
CHANGE = {
    **ROUTE,
    "at": "2026-01-31T12:00:00.123Z",
    "by": "admin",
    "action": "route.set",
    "reason": "a first look",
}


class Gateway(ScriptedGateway):
    """Understands `triptych routes`."""

    def routes(self, *arguments: object) -> Ended:
        return self.run("routes", *arguments)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Gateway]:
    with scripted_gateway(monkeypatch, tmp_path) as known:
        script = known.script
        script.answers = {
            "/v1/routes": as_json({"routes": [ROUTE]}),
            "/v1/routes/digits": as_json(ROUTE),
            "/v1/routes/digits/promote": as_json(ROUTE),
            "/v1/routes/digits/rollback": as_json(ROUTE),
            "/v1/routes/digits/history?limit=20": as_json({"changes": [CHANGE]}),
        }
        yield Gateway(monkeypatch, tmp_path, script)


@pytest.mark.parametrize("arguments", [(), ("digits",)])
def test_routes_are_shown_as_a_table(gateway: Gateway, arguments: tuple[str, ...]) -> None:
    ended = gateway.routes("show", *arguments)
    assert ended.output.splitlines() == [
        "ALIAS   REVISION  ARMS                           SHADOW       STICKY",
        "digits  4         digits_r1=90 (A) digits_r2=10  digits_r3=5  api_key",
    ]


def test_programs_get_the_gateways_json(gateway: Gateway) -> None:
    assert json.loads(gateway.routes("show", "--json").output) == [ROUTE]
    assert json.loads(gateway.routes("show", "digits", "--json").output) == ROUTE


def test_arms_shadow_and_reason_travel_and_stickiness_stays(gateway: Gateway) -> None:
    options = ("--shadow", "digits_r3=12.5", "--reason", "a first look")
    ended = gateway.routes("set", "digits", "digits_r1=90", "digits_r2=10", *options)
    assert ended.exit_code == 0
    asked = gateway.script.asked[-1]
    assert (asked.method, asked.headers["if-match"]) == ("PUT", "*")
    assert gateway.last_body == {
        "arms": [{"release": "digits_r1", "weight": 90}, {"release": "digits_r2", "weight": 10}],
        "shadow": {"release": "digits_r3", "percent": 12.5},
        "sticky": "api_key",
        "reason": "a first look",
    }


def test_an_alias_that_means_nothing_yet_is_set_with_the_default(gateway: Gateway) -> None:
    missing = {"error": {"code": "unknown_alias", "message": "there is no alias 'cats'"}}
    gateway.script.answers["/v1/routes/cats"] = as_json(missing, status=404)
    assert_one_sentence(gateway.routes("set", "cats", "cats_r1=1"), "there is no alias")
    assert gateway.last_body == {
        "arms": [{"release": "cats_r1", "weight": 1}],
        "sticky": "header",
        "reason": "",
    }


@pytest.mark.parametrize("arm", ["digits_r1", "digits_r1=much", "digits_r1=1.5"])
def test_an_arm_that_is_none_is_said_before_anybody_is_asked(gateway: Gateway, arm: str) -> None:
    ended = gateway.routes("set", "digits", arm)
    assert (ended.exit_code, gateway.script.asked) == (2, [])
    assert "Error: " in ended.errors


def test_promote_and_rollback_say_why(gateway: Gateway) -> None:
    gateway.routes("promote", "digits", "digits_r2", "--reason", "better")
    assert gateway.last_body == {"release": "digits_r2", "reason": "better"}
    gateway.routes("promote", "digits")
    assert gateway.last_body == {"reason": ""}
    gateway.routes("rollback", "digits", "--reason", "worse")
    assert gateway.script.asked[-1].path == "/v1/routes/digits/rollback"
    assert gateway.last_body == {"reason": "worse"}


def test_history_says_who_did_what_when_and_why(gateway: Gateway) -> None:
    header, line = gateway.routes("history", "digits").output.splitlines()
    assert header.split()[:4] == ["WHEN", "BY", "ACTION", "REVISION"]
    assert line.startswith("2026-01-31 12:00:00  admin  route.set  4 ")
    assert line.endswith("a first look")
