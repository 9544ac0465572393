"""/v1/admin/rollouts, and a worker's look at the same database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.data_plane.servers.open_fleet import open_fleet
from gateway.settings import GatewaySettings
from gateway.worker.worker import Worker
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.unit.gateway.rollouts_control.driven import Clock
from tests.unit.gateway.running_gateway import Gateway, StartGateway

ROLLOUTS = "/v1/admin/rollouts"
NEW: dict[str, Any] = {"alias": "digits", "to": "digits_r2", "reason": "less noise"}

StartWorker = Callable[[Clock], Awaitable[Worker]]


@pytest.fixture
async def start_worker(
    engine: AsyncEngine, settings: GatewaySettings
) -> AsyncIterator[StartWorker]:
    """Workers, whose looks the test makes."""
    async with AsyncExitStack() as stack:

        async def start(clock: Clock) -> Worker:
            fleet = await stack.enter_async_context(open_fleet(settings))
            worker = Worker(engine, fleet, settings, clock=clock)
            stack.push_async_callback(worker.close)
            return worker

        yield start


async def post(gateway: Gateway, path: str, **body: object) -> httpx.Response:
    return await gateway.client.post(f"{ROLLOUTS}{path}", json=body, headers=gateway.admin)


async def get(gateway: Gateway, path: str) -> Any:
    answer = await gateway.client.get(f"{ROLLOUTS}{path}", headers=gateway.admin)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def route(gateway: Gateway) -> dict[str, Any]:
    """By the record; the gateway's memory follows within half a second."""
    path = "/v1/routes/digits/history?limit=1"
    answer = await gateway.client.get(path, headers=gateway.admin)
    (found,) = answer.json()["changes"]
    return dict(found)


async def look_until(
    worker: Worker, clock: Clock, gateway: Gateway, path: str, states: set[str]
) -> Any:
    for _ in range(200):
        clock.now += 1.0
        await worker.tick()
        told = await get(gateway, path)
        if told["state"] in states:
            return told
    raise AssertionError(told)


async def begin(gateway: Gateway, worker: Worker, clock: Clock) -> str:
    """A rollout whose baseline has begun; its path."""
    answer = await post(gateway, "", **NEW, steps=[5, 100], mirror_percent=20)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["stable"], made["by"]) == ("loading", "digits_r1", "admin")
    assert (made["terms"]["steps"], made["reason"]) == ([5, 100], "less noise")
    await look_until(worker, clock, gateway, f"/{made['id']}", {"running"})
    return f"/{made['id']}"


async def test_a_rollout_begins_with_copies_and_says_what_it_waits_for(
    supervisor: FakeSupervisor, start_gateway: StartGateway, start_worker: StartWorker
) -> None:
    gateway, clock = await start_gateway(), Clock()
    worker = await start_worker(clock)
    path = await begin(gateway, worker, clock)
    assert set(supervisor.orders) == {"/releases/digits_r2/load"}
    now = await route(gateway)
    arms = [(it["release"], it["weight"]) for it in now["arms"]]
    assert arms == [("digits_r1", 100), ("digits_r2", 0)]
    assert now["shadow"] == {"release": "digits_r2", "percent": 20.0}
    clock.now += 1.0
    await worker.tick()
    told = await get(gateway, path)
    (step,), (decision,) = told["steps"], told["decisions"]
    assert (step["percent"], step["candidate"]["requests"]) == (0, 0)
    assert (decision["action"], decision["next_percent"]) == ("wait", None)
    assert decision["checks"]
    # What was decided and what is so now have the same form, and nothing has happened between.
    assert told["checks"] == decision["checks"]


async def test_people_pause_resume_and_abort_at_once(
    start_gateway: StartGateway, start_worker: StartWorker
) -> None:
    gateway, clock = await start_gateway(), Clock()
    path = await begin(gateway, await start_worker(clock), clock)
    assert (await post(gateway, f"{path}/pause", reason="lunch")).json()["state"] == "paused"
    assert refusal(await post(gateway, f"{path}/pause")) == (409, "rollout_conflict")
    assert (await post(gateway, f"{path}/resume")).json()["state"] == "running"
    aborted = await post(gateway, f"{path}/abort", reason="a hunch")
    assert (aborted.status_code, aborted.json()["state"]) == (200, "aborted")
    now = await gateway.client.get("/v1/routes/digits", headers=gateway.ui)
    assert [it["release"] for it in now.json()["arms"]] == ["digits_r1"]
    assert now.json()["shadow"] is None
    audit = await gateway.client.get("/v1/admin/audit?subject=digits", headers=gateway.admin)
    actions = [(it["action"], it["by"]) for it in audit.json()["entries"][:3]]
    assert actions == [(f"rollout.{it}", "admin") for it in ("abort", "resume", "pause")]
    assert (await get(gateway, "?live=true"))["rollouts"] == []
    (ended,) = (await get(gateway, "?alias=digits&live=false"))["rollouts"]
    assert ended["id"] == path[1:]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({**NEW, "steps": [50, 20, 100]}, (400, "invalid_parameter")),
        ({**NEW, "alpha": 2}, (400, "invalid_parameter")),
        ({**NEW, "to": "digits"}, (400, "invalid_parameter")),
        ({**NEW, "nonsense": 1}, (400, "invalid_parameter")),
        ({**NEW, "alias": "cats"}, (404, "unknown_alias")),
        ({**NEW, "to": "digits_r1"}, (409, "rollout_conflict")),
    ],
)
async def test_a_rollout_that_makes_no_sense_does_not_begin(
    start_gateway: StartGateway, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    gateway = await start_gateway()
    assert refusal(await post(gateway, "", **body)) == expected
    assert (await get(gateway, ""))["rollouts"] == []


async def test_a_second_rollout_of_an_alias_waits_for_the_end_of_the_first(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    first = (await post(gateway, "", **NEW)).json()["id"]
    assert (await get(gateway, f"/{first}"))["checks"] == []
    assert refusal(await post(gateway, "", **NEW)) == (409, "rollout_conflict")
    assert (await post(gateway, f"/{first}/abort")).status_code == 200
    assert (await post(gateway, "", **NEW)).status_code == 201


async def test_what_is_unknown_is_404(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    for what in ("pause", "resume", "abort"):
        assert refusal(await post(gateway, f"/4f6c2a9b1d0e/{what}")) == (404, "unknown_rollout")
    answer = await gateway.client.get(f"{ROLLOUTS}/4f6c2a9b1d0e", headers=gateway.admin)
    assert refusal(answer) == (404, "unknown_rollout")


async def test_a_candidate_that_no_triton_can_load_fails_and_says_why(
    supervisor: FakeSupervisor, start_gateway: StartGateway, start_worker: StartWorker
) -> None:
    supervisor.refusals["/releases/digits_r2/load"] = (409, "A golden input got '3'.")
    gateway = await start_gateway()
    made = (await post(gateway, "", **NEW)).json()
    clock = Clock()
    worker = await start_worker(clock)
    told = await look_until(worker, clock, gateway, f"/{made['id']}", {"failed", "running"})
    assert told["state"] == "failed"
    assert "A golden input got '3'." in told["sentence"]
    now = await gateway.client.get("/v1/routes/digits", headers=gateway.ui)
    assert now.json()["revision"] == 0


async def test_a_triton_that_lacks_what_a_route_names_is_told_to_load_it(
    supervisor: FakeSupervisor, start_gateway: StartGateway, start_worker: StartWorker
) -> None:
    supervisor.releases.append(a_release("digits", 2))
    gateway = await start_gateway()
    body = {"arms": [{"release": "digits_r2", "weight": 1}]}
    headers = {**gateway.admin, "If-Match": "*"}
    assert (await gateway.client.put("/v1/routes/digits", json=body, headers=headers)).is_success
    supervisor.releases = [a_release("digits", 1)]  # it came back with an empty memory
    clock = Clock()
    worker = await start_worker(clock)
    for _ in range(200):
        clock.now += 2.0
        await worker.tick()
        if {it.number for it in supervisor.releases} == {1, 2}:
            break
    assert [it.partition("?")[0] for it in supervisor.orders] == ["/releases/digits_r2/load"]


async def test_what_nobody_wants_is_unloaded_where_that_was_not_heard(
    supervisor: FakeSupervisor, start_gateway: StartGateway, start_worker: StartWorker
) -> None:
    supervisor.releases.append(a_release("digits", 2))
    gateway = await start_gateway()
    unload = "/v1/admin/releases/digits_r2/unload"
    assert (await gateway.client.post(unload, headers=gateway.admin)).is_success
    supervisor.releases.append(a_release("digits", 2))
    clock = Clock()
    worker = await start_worker(clock)
    for _ in range(200):
        clock.now += 2.0
        await worker.tick()
        if {it.number for it in supervisor.releases} == {1}:
            break
    assert clock.now >= 1030.0  # whoever said so may have ordered it in the same moment
    assert len(supervisor.orders) == 2


async def test_an_order_that_fails_is_tried_again_only_after_a_while(
    supervisor: FakeSupervisor, start_gateway: StartGateway, start_worker: StartWorker
) -> None:
    supervisor.releases.append(a_release("digits", 2))
    gateway = await start_gateway()
    load = "/v1/admin/releases/digits_r2/load"
    assert (await gateway.client.post(load, headers=gateway.admin)).is_success
    supervisor.orders.clear()
    supervisor.releases = [a_release("digits", 1)]
    supervisor.refusals["/releases/digits_r2/load"] = (409, "A golden input got '3'.")
    clock = Clock()
    worker = await start_worker(clock)
    for _ in range(200):
        clock.now += 2.0
        await worker.tick()
        if len(supervisor.orders) == 2:
            break
    assert clock.now >= 1032.0
