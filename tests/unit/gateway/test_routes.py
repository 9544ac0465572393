"""/v1/routes: which release an alias means now."""

from __future__ import annotations

from typing import cast

from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, Mood, a_release
from tests.unit.gateway.running_gateway import StartGateway, until


async def test_an_alias_means_its_lowest_promotable_release(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases = [
        a_release("digits", 10),
        a_release("digits", 3, top_k=7),
        a_release("digits", 2, promotable=False),
        a_release("animals", 1),
        a_release("flowers", 1, promotable=False),
    ]
    gateway = await start_gateway()
    answer = await gateway.client.get("/v1/routes", headers=gateway.ui)
    assert answer.status_code == 200
    animals, digits = answer.json()["routes"]
    assert animals["alias"] == "animals"
    assert digits == {
        "alias": "digits",
        "task": "image-classification",
        "max_batch_size": 8,
        "top_k": 7,
        "arms": [{"release": "digits_r3", "weight": 100, "name": ""}],
        "shadow": None,
        "sticky": "header",
        "revision": 0,
    }
    one = await gateway.client.get("/v1/routes/digits", headers=gateway.ui)
    assert one.status_code == 200
    assert one.json() == digits


async def test_a_route_says_what_its_alias_takes(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases.append(a_release("topics", 1, task=Task.TEXT_CLASSIFICATION))
    gateway = await start_gateway()
    answer = await gateway.client.get("/v1/routes/topics", headers=gateway.ui)
    assert answer.json()["task"] == "text-classification"


async def test_a_task_that_a_newer_supervisor_knows_has_no_route_and_harms_no_other(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    tomorrow = cast(Task, "speech-recognition")
    supervisor.releases.append(a_release("speech", 1, task=tomorrow))
    gateway = await start_gateway()
    assert (await gateway.client.get("/readyz")).status_code == 200
    routes = await gateway.client.get("/v1/routes", headers=gateway.ui)
    assert [route["alias"] for route in routes.json()["routes"]] == ["digits"]
    answer = await gateway.client.post("/v1/predict/speech", content=b"x", headers=gateway.ui)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_alias")


async def test_an_alias_without_a_route_is_not_found(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases.append(a_release("flowers", 1, promotable=False))
    gateway = await start_gateway()
    for alias in ("letters", "flowers", "digits_r1"):
        answer = await gateway.client.get(f"/v1/routes/{alias}", headers=gateway.admin)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "unknown_alias"
    release = await gateway.client.get("/v1/routes/digits_r1", headers=gateway.ui)
    assert (release.status_code, release.json()["error"]["code"]) == (403, "alias_forbidden")


async def test_a_key_sees_only_the_routes_that_it_may_use(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases += [a_release("animals", 1), a_release("flowers", 1)]
    gateway = await start_gateway()
    wanted = {"name": "app", "allowed": ["flowers", "digits", "later", "animals_r1"]}
    made = await gateway.client.post("/v1/admin/keys", json=wanted, headers=gateway.admin)
    headers = {"X-API-Key": made.json()["key"]}
    listed = await gateway.client.get("/v1/routes", headers=headers)
    assert [route["alias"] for route in listed.json()["routes"]] == ["digits", "flowers"]
    for alias, status in [("digits", 200), ("animals", 403), ("nowhere", 403), ("later", 404)]:
        answer = await gateway.client.get(f"/v1/routes/{alias}", headers=headers)
        assert answer.status_code == status, alias


async def test_no_release_means_no_routes(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases = []
    gateway = await start_gateway()
    answer = await gateway.client.get("/v1/routes", headers=gateway.ui)
    assert (answer.status_code, answer.json()) == (200, {"routes": []})


async def test_a_later_release_takes_no_traffic_by_being_there(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    supervisor.releases += [a_release("digits", 2), a_release("animals", 1)]

    async def animals_are_known() -> bool:
        answer = await gateway.client.get("/v1/routes/animals", headers=gateway.ui)
        return answer.status_code == 200

    await until(animals_are_known)
    digits = await gateway.client.get("/v1/routes/digits", headers=gateway.ui)
    assert digits.json()["arms"] == [{"release": "digits_r1", "weight": 100, "name": ""}]


async def test_before_the_supervisor_has_spoken_routes_are_unavailable(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.mood = Mood.SILENT
    gateway = await start_gateway()
    for path in ("/v1/routes", "/v1/routes/digits"):
        answer = await gateway.client.get(path, headers=gateway.ui)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "inference_unavailable"
