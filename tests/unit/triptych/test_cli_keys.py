"""`triptych keys`: which options become which body, and what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.scripted_http import as_json
from tests.unit.triptych.command_line import Ended, assert_one_sentence
from tests.unit.triptych.scripted_gateway import ScriptedGateway, scripted_gateway

MADE = {"id": "ab12", "name": "phone", "scopes": ["predict"], "key": "shown-once"}

PLAIN = {
    "id": "ab12",
    "name": "phone",
    "tenant": "ab12",
    "scopes": ["predict"],
    "allowed": None,
    "priority": "interactive",
    "expires_at": None,
    "requests_per_minute": None,
    "bytes_per_minute": None,
    "max_concurrency": None,
    "revoked_at": None,
}


class Gateway(ScriptedGateway):
    """Understands `triptych keys`."""

    def keys(self, *arguments: object) -> Ended:
        return self.run("keys", *arguments)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Gateway]:
    with scripted_gateway(monkeypatch, tmp_path) as known:
        script = known.script
        script.answers = {
            "/v1/admin/keys": as_json(MADE, status=201),
            "/v1/admin/keys/ab12": as_json(MADE),
            "/v1/admin/keys/ab12/rotate": as_json(MADE),
        }
        yield Gateway(monkeypatch, tmp_path, script)


def test_every_option_of_a_new_key_travels(gateway: Gateway) -> None:
    options = (
        "--tenant acme --allow digits --allow digits_r2 --priority batch --max-concurrency 4"
        " --requests-per-minute 600 --bytes-per-minute 1000000 --expires-at 2099-01-31"
    )
    ended = gateway.keys("create", "phone", "--scope", "metrics", *options.split())
    assert ended.output.splitlines()[-1] == "shown-once"
    assert gateway.last_body == {
        "name": "phone",
        "scopes": ["metrics"],
        "tenant": "acme",
        "allowed": ["digits", "digits_r2"],
        "priority": "batch",
        "expires_at": "2099-01-31T00:00:00+00:00",
        "requests_per_minute": 600,
        "bytes_per_minute": 1000000,
        "max_concurrency": 4,
    }


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("90", timedelta(seconds=90)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
    ],
)
def test_a_key_may_expire_after_a_while(gateway: Gateway, typed: str, meant: timedelta) -> None:
    before = datetime.now(UTC)
    gateway.keys("create", "phone", "--expires-in", typed)
    expires_at = datetime.fromisoformat(gateway.last_body["expires_at"])
    assert before + meant <= expires_at <= datetime.now(UTC) + meant


@pytest.mark.parametrize(
    "options",
    [
        ("--expires-in", "soon"),
        ("--expires-in", "0d"),
        ("--expires-at", "2026-02-30"),
        ("--expires-at", "2001-01-31"),
        ("--expires-in", "1d", "--expires-at", "2099-01-31"),
        ("--requests-per-minute", "0"),
        ("--priority", "urgent"),
    ],
)
def test_an_option_that_makes_no_sense_is_said_before_anybody_is_asked(
    gateway: Gateway, options: tuple[str, ...]
) -> None:
    ended = gateway.keys("create", "phone", *options)
    assert ended.exit_code == 2
    assert "Error: " in ended.errors
    assert gateway.script.asked == []


def test_a_change_names_only_what_was_given_and_lifts_what_it_should(gateway: Gateway) -> None:
    options = "--name tablet --requests-per-minute 60 --no-limit bytes-per-minute"
    lifted = "--no-limit allow --no-limit expiry"
    ended = gateway.keys("change", "ab12", *options.split(), *lifted.split())
    assert ended.output == "Key ab12 is changed.\n"
    assert gateway.script.asked[-1].method == "PATCH"
    assert gateway.last_body == {
        "name": "tablet",
        "requests_per_minute": 60,
        "bytes_per_minute": None,
        "allowed": None,
        "expires_at": None,
    }
    nothing = gateway.keys("change", "ab12")
    assert (nothing.exit_code, len(gateway.script.asked)) == (2, 1)


@pytest.mark.parametrize(("grace", "told"), [(0, "has ended"), (60, "good for 60 s more")])
def test_a_rotated_key_is_shown_once_with_the_fate_of_the_old_secret(
    gateway: Gateway, grace: int, told: str
) -> None:
    ended = gateway.keys("rotate", "ab12", "--grace", grace)
    assert told in ended.output
    assert ended.output.splitlines()[-1] == "shown-once"
    assert gateway.last_body == {"grace_seconds": grace}


def test_the_list_tells_what_is_not_the_default(gateway: Gateway) -> None:
    limited = PLAIN | {
        "id": "cd34",
        "tenant": "acme",
        "allowed": ["digits", "digits_r2"],
        "priority": "batch",
        "expires_at": "2099-01-31T00:00:00Z",
        "requests_per_minute": 60,
        "max_concurrency": 4,
        "usage": {
            "last_used_at": "2026-05-03T08:32:05.123Z",
            "last_30_days": {"requests": 1200},
        },
    }
    idle = PLAIN | {"usage": {"last_used_at": None, "last_30_days": {"requests": 0}}}
    gateway.script.answers["/v1/admin/keys"] = as_json({"keys": [PLAIN, limited, idle]})
    header, one, other, unused = gateway.keys("list").output.splitlines()
    assert header.split()[3:] == ["STATE", "LAST-USED", "REQUESTS/30D", "LIMITS"]
    assert other.index("tenant") == header.index("LIMITS")
    assert json.loads(gateway.keys("list", "--json").output) == [PLAIN, limited, idle]
    assert one.split() == ["ab12", "phone", "predict", "live", "?", "?"]
    assert unused.split()[4:] == ["-", "0"]
    assert other.split("predict")[1].split(maxsplit=4) == [
        "until",
        "2099-01-31T00:00:00Z",
        "2026-05-03T08:32Z",
        "1200",
        "tenant acme, only digits digits_r2, batch, 60 requests/min, 4 at once",
    ]


def test_what_the_gateway_refuses_is_one_sentence(gateway: Gateway) -> None:
    error = {"code": "last_admin_key", "message": "make another first", "request_id": "r"}
    gateway.script.answers["/v1/admin/keys/ab12"] = as_json({"error": error}, status=409)
    assert_one_sentence(gateway.keys("revoke", "ab12"), "make another first", "last_admin_key")
