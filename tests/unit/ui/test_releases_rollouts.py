"""Releases: rollouts are started, watched, paused, aborted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.rollouts.terms import RolloutTerms
from tests.unit.ui.fake_gateway import FakeClock, error_body
from tests.unit.ui.fake_releases import SINCE, ReleasesGateway, a_change
from tests.unit.ui.releases_page import (
    OpenPage,
    button,
    cells,
    confirm,
    look_again,
    open_part,
    words,
)
from ui.calls.rollouts import decode_details
from ui.calls.route_changes import decode_changes
from ui.rollout_words import state_in_words, to_weight_rows
from ui.texts import load_texts
from ui.views.releases_new_rollout import USUAL_STEPS, USUAL_TERMS


@pytest.fixture
def gateway() -> ReleasesGateway:
    return ReleasesGateway()


FIGURES = {"requests": 120, "failures": 1, "p50_ms": 4.0, "p95_ms": 9.04}
NOTHING = {"requests": 0, "failures": 0, "p50_ms": None, "p95_ms": None}


def a_count(hits: int, of: int) -> dict[str, float]:
    return {"hits": hits, "of": of, "rate": hits / of, "lower": 0.0, "upper": 1.0}


def some_steps() -> list[dict[str, Any]]:
    return [
        {
            "step": step,
            "percent": percent,
            "revision": step + 4,
            "candidate": FIGURES if step else NOTHING,
            "stable": FIGURES,
            "pairs": {"pairs": 100, "top1_agreed": 99},
        }
        for step, percent in ((0, 0), (1, 5))
    ]


def some_checks() -> list[dict[str, Any]]:
    rates = {"verdict": "not_worse", "tolerated": 0.01, "needed": 80.0}
    limit = {"verdict": "not_worse", "stable": 0.0, "of": 120}
    return [
        {
            **rates,
            "metric": "failures",
            "candidate": a_count(1, 120),
            "stable": a_count(1, 130),
            "evidence": 8.9,
        },
        {
            **rates,
            "metric": "agreement",
            "candidate": a_count(1, 100),
            "stable": None,
            "evidence": 0.1,
        },
        {**limit, "metric": "hard_failures", "candidate": 0.05, "limit": 0.2},
        {**limit, "metric": "hard_latency", "candidate": 9.0, "limit": 27.0},
        {**limit, "metric": "hard_latency_of_pairs", "candidate": 0.0, "limit": 0.0},
        {**limit, "metric": "novelty", "verdict": "unknown", "candidate": 0.0, "limit": 1.0},
    ]


def a_rollout(state: str = "running", **fields: object) -> dict[str, Any]:
    told = {
        "id": "4f6c2a9b1d0e",
        "alias": "digits",
        "stable": "digits_r1",
        "candidate": "digits_r2",
        "state": state,
        "sentence": "Step 5 %: waits for time (3 of 60 s).",
        "step": 1,
        "percent": 5,
        "elapsed_seconds": 3.0,
        "created_at": SINCE,
        "changed_at": "2026-05-03T08:20:00Z",
        "by": "admin",
        "reason": "",
        "terms": {},
        "steps": some_steps(),
        "checks": some_checks(),
        "decisions": [{"at": SINCE, "action": "advance", "sentence": "Baseline is *passed*."}],
    }
    return {**told, **fields}


def test_a_rollout_is_started_with_terms_that_are_shown(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    page = open_part(open_page, "rollouts")
    assert not page.exception
    assert "There has been no rollout yet." in words(page)
    assert page.selectbox(key="releases_new_candidate").options == ["digits_r2", "digits_r3"]
    page.text_input(key="releases_new_steps").input("10, 5, 100").run()
    assert button(page, "Start").disabled
    page.text_input(key="releases_new_steps").input("10 %, 50, 100").run()
    page.number_input(key="releases_new_step_seconds").set_value(30.0).run()

    button(page, "Start").click().run()
    assert "10 % → 50 % → 100 %" in words(page)
    confirm(page, "better")

    [(method, path, body)] = gateway.orders()
    assert (method, path) == ("POST", "/v1/admin/rollouts")
    told = {"alias": "digits", "to": "digits_r2", "reason": "better", "steps": [10, 50, 100]}
    assert body == {**told, **USUAL_TERMS, "step_seconds": 30.0}


def test_the_terms_that_are_offered_are_the_gateways() -> None:
    terms = RolloutTerms()
    assert terms.steps == USUAL_STEPS
    assert {name: getattr(terms, name) for name in USUAL_TERMS} == USUAL_TERMS


def test_a_rollout_is_watched_with_its_checks_and_decisions(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    gateway.rollouts = [a_rollout()]
    page = open_part(open_page, "rollouts")

    said = words(page)
    assert not page.exception
    assert "**Running** · last step: 5 % to `digits_r2` · begun " in said
    assert "waits for time (3 of 60 s)" in said
    assert "each alias has either one release only, or a rollout under way" in said
    steps, decisions = cells(page, 0), cells(page, 1)
    assert steps[0][:2] == ["5 %", "120 requests, 1 failed, p95 9.0 ms"]
    assert steps[1][:2] == ["Baseline (copies only)", "0 requests, 0 failed, p95 · ms"]
    assert steps[0][3] == "99 of 100 agreed"
    assert decisions == [["10:00:00", r"Baseline is \*passed\*."]]
    bars = [(round(it.proto.value), it.proto.text) for it in page.get("progress")]
    assert bars == [
        (49, "**Failures**: 1 of 120 against 1 of 130; evidence 8.9 of 80"),
        (0, "**Other labels than stable**: 1 of 100; evidence 0.1 of 80"),
        (25, "**Limit on failures**: 5.0% of at most 20.0%"),
        (33, "**Limit on latency (p95)**: 9.0 ms of at most 27.0 ms"),
        (0, "**Limit on latency of copies (p95)**: 0.0 ms of at most 0.0 ms"),
        (0, "**Check `novelty`**: nothing to compare yet"),
    ]
    gateway.rollouts = [a_rollout("promoted", percent=100)]
    look_again(page, clock)
    assert "**Promoted**" in words(page)
    assert "Abort" not in [it.label for it in page.button]


def test_a_rollout_that_begins_is_the_one_that_is_watched(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    gateway.rollouts = [a_rollout("promoted", percent=100)]
    page = open_part(open_page, "rollouts")
    assert "**Promoted**" in words(page)

    gateway.rollouts.insert(0, a_rollout() | {"id": "0123456789ab"})
    look_again(page, clock)

    assert "**Running**" in words(page)
    assert button(page, "Abort")


def test_a_rollout_of_long_ago_is_drawn_from_its_own_time(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    gateway.rollouts = [a_rollout("promoted", percent=100)]
    open_part(open_page, "rollouts")

    [asked] = [it for it in gateway.requests if it.url.path.endswith("/history")]
    assert asked.url.params["before"] == "6"


@pytest.mark.parametrize(
    ("state", "label", "what"),
    [
        ("running", "Pause", "pause"),
        ("paused", "Resume", "resume"),
        ("loading", "Abort", "abort"),
    ],
)
def test_a_rollout_is_paused_resumed_and_aborted(
    open_page: OpenPage, gateway: ReleasesGateway, state: str, label: str, what: str
) -> None:
    gateway.rollouts = [a_rollout(state)]
    page = open_part(open_page, "rollouts")

    button(page, label).click().run()
    confirm(page, "lunch")

    path = f"/v1/admin/rollouts/4f6c2a9b1d0e/{what}"
    assert gateway.orders() == [("POST", path, {"reason": "lunch"})]


def test_a_rollout_that_nobody_tells_is_a_notice(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    gateway.rollouts = [a_rollout()]
    path = "GET /v1/admin/rollouts/4f6c2a9b1d0e"
    gateway.refusals[path] = (503, error_body("database_unavailable"))

    page = open_part(open_page, "rollouts")

    assert not page.exception
    assert page.error[0].proto.title == "The service is not ready"


@pytest.mark.parametrize(
    ("state", "last"), [("running", 5.0), ("superseded", 5.0), ("aborted", 0.0)]
)
def test_the_line_of_weights_ends_where_the_rollout_does(state: str, last: float) -> None:
    rollout = decode_details(a_rollout(state)).rollout  # type: ignore[arg-type]  # as a gateway tells it
    changes = [
        a_change(5, 4, digits_r1=95, digits_r2=5),
        a_change(4, 3, digits_r1=100, digits_r2=0),
        a_change(3, 2, digits_r1=100),
    ]
    for change in changes[:2]:
        change["rollout_id"] = rollout.id
    now = datetime(2026, 5, 3, 8, 32, tzinfo=UTC)

    rows = to_weight_rows(rollout, decode_changes({"changes": changes}), now)  # type: ignore[typeddict-item]  # as above

    assert list(rows["percent"]) == [0.0, 0.0, 5.0, last]
    assert rows["at"].iloc[-1] == (now if state == "running" else rollout.changed_at)


def test_a_state_that_this_page_does_not_know_is_told_as_it_is() -> None:
    rollout = decode_details(a_rollout("half_way")).rollout  # type: ignore[arg-type]  # as a gateway tells it
    assert state_in_words(rollout, load_texts("en")) == r"half\_way"
