"""PUT, promote, rollback and history of /v1/routes/{alias}."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until
from triptych.supervisor.status import Phase

ROUTE = "/v1/routes/digits"


@pytest.fixture(autouse=True)
def three_releases(supervisor: FakeSupervisor, triton: FakeTriton) -> None:
    supervisor.releases = [a_release("digits", number) for number in (1, 2, 3)]
    triton.answers[b"seven"] = ranked("7")


def arms(**weights: int) -> list[dict[str, Any]]:
    return [{"release": f"digits_{it}", "weight": weight} for it, weight in weights.items()]


async def put(gateway: Gateway, body: dict[str, Any], match: str = "*") -> httpx.Response:
    headers = {**gateway.admin, "If-Match": match}
    return await gateway.client.put(ROUTE, json=body, headers=headers)


async def post(gateway: Gateway, what: str, **body: object) -> httpx.Response:
    return await gateway.client.post(f"{ROUTE}/{what}", json=body, headers=gateway.admin)


async def told(gateway: Gateway) -> dict[str, Any]:
    answer = await gateway.client.get(ROUTE, headers=gateway.ui)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def weights(route: dict[str, Any]) -> dict[str, int]:
    return {arm["release"]: arm["weight"] for arm in route["arms"]}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_route_that_was_set_is_in_force_at_once_and_told_with_its_validator(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    body = {
        "arms": [{**arms(r1=90)[0], "name": "stable"}, *arms(r2=10)],
        "shadow": {"release": "digits_r3", "percent": 12.5},
        "sticky": "api_key",
    }
    answer = await put(gateway, {**body, "reason": "a first look"})
    assert answer.status_code == 200
    route = answer.json()
    assert weights(route) == {"digits_r1": 90, "digits_r2": 10}
    assert [arm["name"] for arm in route["arms"]] == ["stable", ""]
    assert (route["shadow"], route["sticky"]) == (body["shadow"], "api_key")
    assert route["revision"] == 2  # 1 is what the alias meant until now
    assert await told(gateway) == route
    again = await gateway.client.get(ROUTE, headers=gateway.ui)
    assert again.headers["ETag"] == answer.headers["ETag"]


async def test_who_has_the_state_already_gets_no_body(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    for path in ("/v1/routes", ROUTE):
        first = await gateway.client.get(path, headers=gateway.ui)
        headers = {**gateway.ui, "If-None-Match": f'"other", {first.headers["ETag"]}'}
        again = await gateway.client.get(path, headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    await put(gateway, {"arms": arms(r2=1)})
    changed = await gateway.client.get(ROUTE, headers=headers)
    assert changed.status_code == 200


async def test_a_change_needs_the_validator_of_what_it_changes(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    known = (await gateway.client.get(ROUTE, headers=gateway.ui)).headers["ETag"]
    without = await gateway.client.put(ROUTE, json={"arms": arms(r2=1)}, headers=gateway.admin)
    assert refusal(without) == (428, "precondition_required")
    assert (await put(gateway, {"arms": arms(r2=1)}, known)).status_code == 200
    late = await put(gateway, {"arms": arms(r3=1)}, known)
    assert refusal(late) == (412, "route_changed")
    assert weights(await told(gateway)) == {"digits_r2": 1}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"arms": [*arms(r1=1), *arms(r1=2)]}, (400, "route_refused")),
        ({"arms": arms(r1=0, r2=0)}, (400, "route_refused")),
        ({"arms": arms(r1=1, r9=1)}, (409, "release_not_ready")),
        (
            {"arms": arms(r1=1), "shadow": {"release": "digits_r9", "percent": 1}},
            (409, "release_not_ready"),
        ),
        ({"arms": [{"release": "topics_r1", "weight": 1}, *arms(r1=1)]}, (400, "route_refused")),
        ({"arms": []}, (400, "invalid_parameter")),
        ({"arms": arms(r1=-1)}, (400, "invalid_parameter")),
        ({"arms": [{"release": "digits", "weight": 1}]}, (400, "invalid_parameter")),
        ({"arms": arms(r1=1), "sticky": "cookie"}, (400, "invalid_parameter")),
        (
            {"arms": arms(r1=1), "shadow": {"release": "digits_r2", "percent": 0}},
            (400, "invalid_parameter"),
        ),
    ],
)
async def test_a_route_that_makes_no_sense_changes_nothing(
    supervisor: FakeSupervisor,
    start_gateway: StartGateway,
    body: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    supervisor.releases.append(a_release("topics", 1, task=Task.TEXT_CLASSIFICATION))
    gateway = await start_gateway()
    before = await told(gateway)
    assert refusal(await put(gateway, body)) == expected
    assert await told(gateway) == before


async def test_a_name_of_a_release_is_no_alias(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    headers = {**gateway.admin, "If-Match": "*"}
    for alias in ("digits_r1", "Digits", "x" * 64):
        path = f"/v1/routes/{alias}"
        answer = await gateway.client.put(path, json={"arms": arms(r1=1)}, headers=headers)
        assert refusal(answer) == (400, "route_refused")


async def test_an_alias_of_another_name_may_be_made(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    headers = {**gateway.admin, "If-Match": "*"}
    made = await gateway.client.put(
        "/v1/routes/numbers", json={"arms": arms(r2=1)}, headers=headers
    )
    assert (made.status_code, made.json()["revision"]) == (200, 1)
    answer = await gateway.client.post("/v1/predict/numbers", content=b"seven", headers=gateway.ui)
    assert (answer.json()["alias"], answer.json()["release"]) == ("numbers", "digits_r2")
    undone = await gateway.client.post("/v1/routes/numbers/rollback", headers=gateway.admin)
    assert refusal(undone) == (409, "nothing_to_roll_back")


async def test_promote_gives_everything_to_the_other_release(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    alone = await post(gateway, "promote")
    assert refusal(alone) == (400, "route_refused")
    await put(gateway, {"arms": arms(r1=99, r2=1)})
    assert weights((await post(gateway, "promote")).json()) == {"digits_r2": 100}
    await put(gateway, {"arms": arms(r1=1), "shadow": {"release": "digits_r3", "percent": 5}})
    promoted = (await post(gateway, "promote")).json()
    assert (weights(promoted), promoted["shadow"]) == ({"digits_r3": 100}, None)
    named = await post(gateway, "promote", release="digits_r1", reason="back")
    assert weights(named.json()) == {"digits_r1": 100}
    assert refusal(await post(gateway, "promote", release="digits_r9")) == (
        409,
        "release_not_ready",
    )


async def test_rollback_undoes_one_change_after_another(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    assert refusal(await post(gateway, "rollback")) == (404, "unknown_alias")
    await put(gateway, {"arms": arms(r2=1)})
    await put(gateway, {"arms": arms(r3=1)})
    assert weights((await post(gateway, "rollback")).json()) == {"digits_r2": 1}
    # Twice in a panic: not to and fro, but further back.
    first = (await post(gateway, "rollback")).json()
    assert (weights(first), first["revision"]) == ({"digits_r1": 100}, 5)
    assert refusal(await post(gateway, "rollback")) == (409, "nothing_to_roll_back")
    await put(gateway, {"arms": arms(r3=1)})
    assert weights((await post(gateway, "rollback")).json()) == {"digits_r1": 100}


async def test_a_rollback_to_what_is_not_there_any_more_is_refused(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    await put(gateway, {"arms": arms(r2=1)})
    supervisor.releases = [a_release("digits", 2)]
    await put(gateway, {"arms": arms(r2=2)})  # hears the supervisor
    await post(gateway, "rollback")
    assert refusal(await post(gateway, "rollback")) == (409, "release_not_ready")
    assert weights(await told(gateway)) == {"digits_r2": 1}


async def test_what_ends_each_triton_is_rolled_back_although_nothing_is_ready(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    await put(gateway, {"arms": arms(r1=1)})
    await put(gateway, {"arms": arms(r2=1)})
    supervisor.phase, supervisor.is_ready = Phase.BACKING_OFF, False
    asked = supervisor.times_asked
    await until(lambda: supervisor.times_asked > asked + 1)

    assert weights((await post(gateway, "rollback")).json()) == {"digits_r1": 1}


async def test_history_and_audit_say_who_did_what_and_why(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    await put(gateway, {"arms": arms(r2=1), "reason": "it is better"})
    await post(gateway, "rollback", reason="it is not")
    changes = (await gateway.client.get(f"{ROUTE}/history", headers=gateway.admin)).json()
    told_changes = [
        (it["revision"], it["action"], it["by"], it["reason"], it["rolls_back_to"])
        for it in changes["changes"]
    ]
    assert told_changes == [
        (3, "route.rollback", "admin", "it is not", None),
        (2, "route.set", "admin", "it is better", 1),
        (1, "route.set", "triptych", "as it was until now", None),
    ]
    page = await gateway.client.get(f"{ROUTE}/history?limit=1&before=3", headers=gateway.admin)
    assert [it["revision"] for it in page.json()["changes"]] == [2]
    audit = await gateway.client.get("/v1/admin/audit?subject=digits", headers=gateway.admin)
    assert [it["action"] for it in audit.json()["entries"]] == [
        "route.rollback",
        "route.set",
        "route.set",
    ]
    assert audit.json()["entries"][0]["detail"]["restores"] == 1
    nobody = await gateway.client.get("/v1/admin/audit?subject=topics", headers=gateway.admin)
    assert nobody.json() == {"entries": []}


async def test_the_same_again_is_no_change(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    first = (await put(gateway, {"arms": arms(r2=1)})).json()
    assert (await put(gateway, {"arms": arms(r2=1)})).json() == first


async def test_only_an_administrator_may(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    for method, path in [
        ("PUT", ROUTE),
        ("POST", f"{ROUTE}/promote"),
        ("POST", f"{ROUTE}/rollback"),
        ("GET", f"{ROUTE}/history"),
        ("GET", "/v1/admin/audit"),
        ("GET", "/v1/admin/releases"),
        ("POST", "/v1/admin/releases/digits_r2/load"),
        ("POST", "/v1/admin/releases/digits_r2/unload"),
    ]:
        answer = await gateway.client.request(method, path, headers=gateway.ui)
        assert refusal(answer) == (403, "scope_missing"), path


async def test_a_move_of_a_route_that_was_not_seen_so_is_refused(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    await put(gateway, {"arms": arms(r1=90, r2=10)})

    for what in ("promote", "rollback"):
        assert refusal(await post(gateway, what, revision=1)) == (412, "route_changed")
    assert (await told(gateway))["revision"] == 2
    assert (await post(gateway, "promote", revision=2)).status_code == 200
    assert (await post(gateway, "rollback", revision=3)).status_code == 200
    assert weights(await told(gateway)) == {"digits_r1": 90, "digits_r2": 10}
