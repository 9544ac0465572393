"""`triptych rollout`: which options become which call, what is printed, and how a watch ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.scripted_http import as_json
from tests.unit.triptych.command_line import Ended, assert_one_sentence
from tests.unit.triptych.scripted_gateway import ScriptedGateway, scripted_gateway

ROLLOUTS = "/v1/admin/rollouts"
ID = "8e1f0a2b3c4d"
STEP = {
    "step": 1,
    "percent": 5,
    "revision": 7,
    "candidate": {"requests": 12, "failures": 1, "p50_ms": 20.0, "p95_ms": 31.04},
    "stable": {"requests": 228, "failures": 0, "p50_ms": 20.0, "p95_ms": None},
    "pairs": {"pairs": 40, "top1_agreed": 39},
}
ROLLOUT: dict[str, Any] = {
    "id": ID,
    "alias": "digits",
    "stable": "digits_r1",
    "candidate": "digits_r2",
    "state": "promoted",
    "sentence": "Step 50 % is passed: promoted.",
    "step": 1,
    "percent": 5,
    "created_at": "2026-01-31T12:00:00.123Z",
    "changed_at": "2026-01-31T12:01:00.123Z",
    "by": "admin",
    "reason": "less noise",
}
DECISION = {"at": "2026-01-31T12:01:00Z", "action": "promote", "sentence": "It is passed."}
DETAILS = {**ROLLOUT, "steps": [STEP], "decisions": [DECISION]}


class Gateway(ScriptedGateway):
    """Understands `triptych rollout`."""

    def rollout(self, *arguments: object) -> Ended:
        return self.run("rollout", *arguments)

    def says(self, **changes: object) -> None:
        self.script.answers[f"{ROLLOUTS}/{ID}"] = as_json({**DETAILS, **changes})


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Gateway]:
    with scripted_gateway(monkeypatch, tmp_path) as known:
        script = known.script
        script.answers = {
            ROLLOUTS: as_json(ROLLOUT, status=201),
            f"{ROLLOUTS}?limit=50": as_json({"rollouts": [ROLLOUT]}),
            f"{ROLLOUTS}?alias=digits&limit=1": as_json({"rollouts": [ROLLOUT]}),
            f"{ROLLOUTS}?alias={ID}&limit=1": as_json({"rollouts": []}),
            f"{ROLLOUTS}/{ID}": as_json(DETAILS),
        }
        for what in ("pause", "resume", "abort"):
            script.answers[f"{ROLLOUTS}/{ID}/{what}"] = as_json({**ROLLOUT, "state": "aborted"})
        yield Gateway(monkeypatch, tmp_path, script)


def test_only_what_was_said_travels(gateway: Gateway) -> None:
    ended = gateway.rollout("start", "digits", "--to", "digits_r2")
    assert ended.exit_code == 0
    assert gateway.last_body == {"alias": "digits", "to": "digits_r2", "reason": ""}
    options = "--steps 5,50,100 --step-seconds 60 --mirror-percent 20 --min-requests 10"
    more = "--min-pairs 0 --alpha 0.01 --hard-p95-ratio 2.5 --reason why"
    gateway.rollout("start", "digits", "--to", "digits_r2", *options.split(), *more.split())
    assert gateway.last_body == {
        "alias": "digits",
        "to": "digits_r2",
        "steps": [5, 50, 100],
        "step_seconds": 60.0,
        "mirror_percent": 20.0,
        "min_requests": 10,
        "min_pairs": 0,
        "alpha": 0.01,
        "hard_p95_ratio": 2.5,
        "reason": "why",
    }


def test_steps_that_are_none_are_said_before_anybody_is_asked(gateway: Gateway) -> None:
    ended = gateway.rollout("start", "digits", "--to", "digits_r2", "--steps", "few")
    assert (ended.exit_code, gateway.script.asked) == (2, [])


def test_all_rollouts_are_a_table_and_one_comes_with_its_steps(gateway: Gateway) -> None:
    header, line = gateway.rollout("show").output.splitlines()
    assert header.split()[:3] == ["ROLLOUT", "ALIAS", "FROM"]
    assert line.startswith(f"{ID}  digits  digits_r1  digits_r2  promoted  5")
    for which in ("digits", ID):
        lines = gateway.rollout("show", which).output.splitlines()
        assert lines[:3] == [
            f"{ID}: digits from digits_r1 to digits_r2; figures are digits_r2/digits_r1",
            "promoted: Step 50 % is passed: promoted.",
            "begun 2026-01-31 12:00:00 by admin: less noise",
        ]
        assert lines[4].split() == ["5", "%", "7", "12/228", "1/0", "31.0/-", "39", "of", "40"]
        assert lines[5] == "2026-01-31 12:01:00  promote    It is passed."
    assert json.loads(gateway.rollout("show", ID, "--json").output) == DETAILS


@pytest.mark.parametrize(
    ("state", "exit_code"), [("promoted", 0), ("rolled_back", 1), ("aborted", 1), ("failed", 1)]
)
def test_a_watch_ends_with_the_rollout(gateway: Gateway, state: str, exit_code: int) -> None:
    gateway.says(state=state)
    ended = gateway.rollout("watch", "digits")
    assert ended.exit_code == exit_code
    heading, line = ended.output.splitlines()
    assert heading.endswith("figures are digits_r2/digits_r1")
    assert line == (
        f"2026-01-31 12:01:00  {state}  5 %  requests 12/228  failures 1/0  p95 31.0/- ms"
        "  agreement 39 of 40  Step 50 % is passed: promoted."
    )


def test_a_watch_tells_what_changes_and_not_what_only_counts(gateway: Gateway) -> None:
    looks: list[dict[str, Any]] = [
        {"state": "running", "sentence": "Baseline: waits for time (1 of 60 s).", "steps": []},
        {"state": "running", "sentence": "Baseline: waits for time (2 of 60 s).", "steps": []},
        {"state": "rolled_back", "sentence": "Rolled back: it was worse."},
    ]

    def next_look(_seconds: float) -> None:
        gateway.says(**looks.pop(0))

    gateway.monkeypatch.setattr("triptych.cli.rollout.time.sleep", next_look)
    next_look(0)
    ended = gateway.rollout("start", "digits", "--to", "digits_r2", "--watch", "--json")
    told = [json.loads(line)["sentence"] for line in ended.output.splitlines()]
    assert told == ["Baseline: waits for time (1 of 60 s).", "Rolled back: it was worse."]
    assert ended.exit_code == 1


def test_a_watch_survives_a_gateway_that_is_away_for_a_while(gateway: Gateway) -> None:
    away = as_json({"error": {"code": "database_unavailable", "message": "soon"}}, status=503)
    gateway.script.answers[f"{ROLLOUTS}/{ID}"] = away
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 5:
            gateway.says()

    gateway.monkeypatch.setattr("triptych.cli.rollout.time.sleep", nap)
    assert gateway.rollout("watch", ID).exit_code == 0
    assert len(naps) == 5
    naps.extend([0.0] * 5)
    gateway.script.answers[f"{ROLLOUTS}/{ID}"] = away
    assert_one_sentence(gateway.rollout("watch", ID), "soon")


@pytest.mark.parametrize("what", ["pause", "resume", "abort"])
def test_people_pause_resume_and_abort(gateway: Gateway, what: str) -> None:
    ended = gateway.rollout(what, "digits", "--reason", "lunch")
    assert ended.exit_code == 0
    assert gateway.script.asked[-1].path == f"{ROLLOUTS}/{ID}/{what}"
    assert gateway.last_body == {"reason": "lunch"}


def test_an_abort_that_came_too_late_says_so(gateway: Gateway) -> None:
    late = {**ROLLOUT, "state": "superseded", "sentence": "Somebody changed the route meanwhile."}
    gateway.script.answers[f"{ROLLOUTS}/{ID}/abort"] = as_json(late)
    ended = gateway.rollout("abort", ID)
    assert ended.exit_code == 1
    assert "Somebody changed the route" in ended.errors
