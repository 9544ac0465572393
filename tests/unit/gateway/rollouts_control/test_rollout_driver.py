"""The driver on a simulated clock: what becomes of rollouts, and of routes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.audit import Deed
from gateway.control_plane.control_errors import (
    ReleaseNotReady,
    ReleaseRefused,
    RolloutConflict,
    RouteRefused,
)
from gateway.control_plane.rollouts.rollout import RolloutState
from gateway.errors import GatewayError, InferenceUnavailable
from tests.unit.gateway.rollouts_control.driven import (
    BEFORE,
    BOB,
    TERMS,
    Behaviour,
    World,
    deed,
)
from triptych.routing import Arm, Route, Shadow

WRONG = Behaviour(label="3")


@pytest.fixture
def world(engine: AsyncEngine) -> World:
    return World(engine)


def weights(route: Route) -> dict[str, int]:
    return {arm.release: arm.weight for arm in route.arms if arm.weight}


async def test_a_candidate_that_is_no_worse_is_promoted_step_by_step(world: World) -> None:
    rollout = await world.start()
    driver = world.driver()
    seen: list[tuple[int, dict[str, int], Shadow | None]] = []
    for _ in range(40):
        await world.run(driver, 1)
        now, route = await world.store.get(rollout.id), await world.route()
        if not seen or seen[-1][1:] != (weights(route), route.shadow):
            seen.append((now.percent, weights(route), route.shadow))
    shadow = Shadow("digits_r2", 10.0)
    assert seen[-4:] == [
        (0, {"digits_r1": 100}, shadow),
        (10, {"digits_r1": 90, "digits_r2": 10}, shadow),
        (50, {"digits_r1": 50, "digits_r2": 50}, shadow),
        (100, {"digits_r2": 100}, None),
    ]
    assert world.triton.asked == ["digits_r2"]
    assert (await world.store.get(rollout.id)).state is RolloutState.PROMOTED
    assert (await world.route()).sticky is BEFORE.sticky
    actions = [it.deed.action for it in await world.audit.latest(10, subject="digits")]
    assert actions[:5] == ["rollout.promote", *["rollout.step"] * 3, "rollout.start"]
    undone = await world.routes.roll_back(deed("route.rollback"), lambda _: None)
    assert undone.to_json() == BEFORE.to_json()


async def test_every_move_is_recorded_with_its_numbers(world: World) -> None:
    rollout = await world.start()
    await world.run(world.driver(), 40)
    decisions = await world.store.decisions(rollout.id, 100)
    moves = [it for it in decisions if it["action"] != "wait"]
    assert [(it["action"], it["next_percent"]) for it in moves] == [
        ("promote", 100),
        ("advance", 50),
        ("advance", 10),
    ]
    assert {check["metric"] for check in moves[0]["checks"]} >= {"failures", "agreement"}
    thresholds = [step.thresholds for step in await world.store.steps(rollout.id)]
    assert thresholds[0] is None
    assert all(thresholds[1:])


@pytest.mark.parametrize(
    "bad",
    [WRONG, Behaviour(failures=5), Behaviour(latency_ms=90.0)],
    ids=["labels", "errors", "p95"],
)
async def test_a_worse_candidate_is_rolled_back_to_the_exact_route_before(
    world: World, bad: Behaviour
) -> None:
    rollout = await world.start(replace(TERMS, step_seconds=2.0))
    await world.run(world.driver(), 60, bad)
    ended = await world.store.get(rollout.id)
    assert ended.state is RolloutState.ROLLED_BACK
    assert ended.sentence.startswith("Rolled back: ")
    assert (await world.route()).to_json() == BEFORE.to_json()
    (last, *_) = await world.store.decisions(rollout.id, 1)
    assert last["action"] == "roll_back"
    assert (await world.audit.latest(1))[0].deed.action == "rollout.rollback"


async def test_waiting_is_recorded_when_it_is_for_something_else_or_has_been_long(
    world: World,
) -> None:
    rollout = await world.start(replace(TERMS, step_seconds=3600.0))
    driver = world.driver()
    await world.run(driver, 200)
    sentences = [it["sentence"] for it in await world.store.decisions(rollout.id, 100)]
    assert 4 <= len(sentences) <= 6
    assert (await world.store.get(rollout.id)).sentence.startswith("Baseline: waits for time (")


async def test_a_route_that_somebody_changed_is_left_alone(world: World) -> None:
    rollout = await world.start()
    driver = world.driver()
    await world.run(driver, 10)
    mine = Route("digits", (Arm("digits_r3", 1),))
    route = await world.set_route(mine)
    await world.run(driver, 3, WRONG)
    assert (await world.store.get(rollout.id)).state is RolloutState.SUPERSEDED
    assert await world.route() == route


async def test_a_route_that_was_changed_before_the_first_step_is_left_alone(world: World) -> None:
    rollout = await world.start()
    route = await world.set_route(Route("digits", (Arm("digits_r3", 1),)))
    await world.run(world.driver(), 3)
    assert (await world.store.get(rollout.id)).state is RolloutState.SUPERSEDED
    assert await world.route() == route


async def test_a_pause_freezes_weights_and_time_and_a_resumed_rollout_goes_on(
    world: World,
) -> None:
    rollout = await world.start()
    driver = world.driver()
    await world.run(driver, 4)
    await world.orders.pause(rollout.id, deed("rollout.pause", "lunch"))
    at_pause, route = await world.store.get(rollout.id), await world.route()
    await world.run(driver, 30)
    paused = await world.store.get(rollout.id)
    assert (paused.state, paused.sentence) == (RolloutState.PAUSED, "Paused: lunch")
    assert (paused.step, paused.elapsed_seconds) == (at_pause.step, at_pause.elapsed_seconds)
    assert await world.route() == route
    await world.orders.resume(rollout.id, deed("rollout.resume"))
    await world.run(driver, 1)
    assert (await world.store.get(rollout.id)).elapsed_seconds == at_pause.elapsed_seconds
    await world.run(driver, 30)
    assert (await world.store.get(rollout.id)).state is RolloutState.PROMOTED


async def test_what_is_bad_enough_rolls_back_a_paused_rollout_too(world: World) -> None:
    rollout = await world.start()
    driver = world.driver()
    await world.run(driver, 9)
    await world.orders.pause(rollout.id, deed("rollout.pause"))
    await world.run(driver, 10, Behaviour(failures=10))
    assert (await world.store.get(rollout.id)).state is RolloutState.ROLLED_BACK
    assert (await world.route()).to_json() == BEFORE.to_json()


async def test_an_abort_brings_the_route_back_without_a_worker(world: World) -> None:
    rollout = await world.start()
    driver = world.driver()
    await world.run(driver, 10)
    aborted = await world.orders.abort(rollout.id, deed("rollout.abort", "a hunch"))
    assert (aborted.state, aborted.sentence) == (RolloutState.ABORTED, "Aborted: a hunch")
    assert (await world.route()).to_json() == BEFORE.to_json()
    route = await world.route()
    await world.run(driver, 5)
    assert await world.route() == route
    for again in (world.orders.abort, world.orders.pause, world.orders.resume):
        with pytest.raises(RolloutConflict, match="is aborted"):
            await again(rollout.id, deed("rollout.abort"))


async def test_an_abort_before_the_first_step_or_after_a_change_by_hand_moves_nothing(
    world: World,
) -> None:
    loading = await world.start()
    aborted = await world.orders.abort(loading.id, deed("rollout.abort"))
    assert (aborted.state, aborted.sentence) == (RolloutState.ABORTED, "Aborted.")
    rollout = await world.start()
    await world.run(world.driver(), 10)
    route = await world.set_route(Route("digits", (Arm("digits_r3", 1),)))
    ended = await world.orders.abort(rollout.id, deed("rollout.abort"))
    assert ended.state is RolloutState.SUPERSEDED
    assert await world.route() == route


@pytest.mark.parametrize(
    ("refusal", "unready"),
    [(ReleaseRefused("a golden input got '3'"), None), (None, RouteRefused("another task"))],
)
async def test_a_candidate_that_cannot_be_served_fails_and_moves_nothing(
    world: World, refusal: GatewayError | None, unready: GatewayError | None
) -> None:
    world.triton.refusal, world.unready = refusal, unready
    rollout = await world.start()
    before = await world.route()
    await world.run(world.driver(), 5)
    failed = await world.store.get(rollout.id)
    assert failed.state is RolloutState.FAILED
    assert str(refusal or unready) in failed.sentence
    assert await world.route() == before


async def test_a_candidate_that_nobody_can_load_yet_is_waited_for(world: World) -> None:
    world.triton.refusal = InferenceUnavailable("no supervisor answers")
    rollout = await world.start()
    driver = world.driver()
    await world.run(driver, 12)
    waiting = await world.store.get(rollout.id)
    assert waiting.state is RolloutState.LOADING
    assert "no supervisor answers" in waiting.sentence
    assert 2 <= len(world.triton.asked) <= 4
    world.triton.refusal, world.unready = None, ReleaseNotReady("not on triton-1")
    await world.run(driver, 8)
    assert (await world.store.get(rollout.id)).sentence == "Waits: not on triton-1"
    world.unready = None
    await world.run(driver, 1)
    assert (await world.store.get(rollout.id)).state is RolloutState.RUNNING


async def test_another_worker_goes_on_from_the_stored_step_and_time(world: World) -> None:
    rollout = await world.start()
    first = world.driver()
    await world.run(first, 9)
    stored = await world.store.get(rollout.id)
    first.rest()
    world.clock.now += 1000.0
    second = world.driver()
    await world.run(second, 1)
    taken = await world.store.get(rollout.id)
    assert (taken.step, taken.elapsed_seconds) == (stored.step, stored.elapsed_seconds)
    assert stored.step > 0
    await world.run(second, 30)
    assert (await world.store.get(rollout.id)).state is RolloutState.PROMOTED


async def test_one_alias_has_one_live_rollout_and_one_begins_where_one_release_has_all(
    world: World,
) -> None:
    first = await world.start()
    with pytest.raises(RolloutConflict, match=first.id):
        await world.start()
    await world.orders.abort(first.id, deed("rollout.abort"))
    arms = (Arm("digits_r1", 1), Arm("digits_r3", 1))
    for route in (
        Route("digits", arms),
        Route("digits", (Arm("digits_r2", 1),)),
        Route("digits", arms[:1], Shadow("digits_r3", 5.0)),
    ):
        with pytest.raises(RolloutConflict):
            await world.orders.start(deed("rollout.start"), "digits_r2", TERMS, route)


async def test_a_rollout_that_makes_no_sense_does_not_stop_the_others(world: World) -> None:
    rollout = await world.start()
    driver = world.driver()
    await world.run(driver, 3)
    other = Route("topics", (Arm("topics_r1", 1),))
    await world.routes.change(lambda _: other, Deed(BOB, "route.set", "topics"), unset=None)
    garbled = await world.orders.start(
        Deed(BOB, "rollout.start", "topics"), "topics_r2", TERMS, other
    )
    await world.run(driver, 2)
    async with world.engine.begin() as connection:
        garbage = text("UPDATE rollout_steps SET thresholds = '[' WHERE rollout_id = :id")
        await connection.execute(garbage, {"id": garbled.id})
    await world.run(driver, 60)
    assert (await world.store.get(rollout.id)).state is RolloutState.PROMOTED
    assert (await world.store.get(garbled.id)).is_live
