"""/v1/admin/releases: what there is, load and unload through supervisors."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fakes.fake_supervisor import FakeSupervisor, Mood, a_release
from tests.unit.gateway.running_gateway import Gateway, StartGateway

RELEASES = "/v1/admin/releases"


async def order(gateway: Gateway, release: str, what: str, **body: str) -> httpx.Response:
    path = f"{RELEASES}/{release}/{what}"
    return await gateway.client.post(path, json=body, headers=gateway.admin)


async def listed(gateway: Gateway) -> dict[str, dict[str, Any]]:
    answer = await gateway.client.get(RELEASES, headers=gateway.admin)
    assert answer.status_code == 200, answer.text
    return {it["release"]: it for it in answer.json()["releases"]}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def route_to(gateway: Gateway, release: str) -> httpx.Response:
    body = {"arms": [{"release": release, "weight": 1}]}
    headers = {**gateway.admin, "If-Match": "*"}
    return await gateway.client.put("/v1/routes/digits", json=body, headers=headers)


async def test_a_release_is_loaded_and_may_then_be_routed(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    assert refusal(await route_to(gateway, "digits_r2")) == (409, "release_not_ready")
    answer = await order(gateway, "digits_r2", "load", reason="to be tried")
    assert answer.status_code == 200
    done = {"server": "triton-0", "done": True, "reason": ""}
    assert answer.json() == {"release": "digits_r2", "servers": [done]}
    assert supervisor.orders == ["/releases/digits_r2/load"]
    assert (await route_to(gateway, "digits_r2")).status_code == 200
    audit = await gateway.client.get("/v1/admin/audit?subject=digits_r2", headers=gateway.admin)
    (entry,) = audit.json()["entries"]
    assert (entry["action"], entry["reason"]) == ("release.load", "to be tried")


async def test_an_engine_is_passed_on_to_the_supervisor_and_noted(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()

    answer = await order(gateway, "digits_r1", "load", engine="openvino-bf16")

    assert answer.status_code == 200
    assert supervisor.queries == ["routes_are_kept=true&engine=openvino-bf16"]
    audit = await gateway.client.get("/v1/admin/audit?subject=digits_r1", headers=gateway.admin)
    assert audit.json()["entries"][0]["detail"]["engine"] == "openvino-bf16"


@pytest.mark.parametrize("engine", ["", "a&b=c", "Openvino", "x" * 41])
async def test_what_is_no_name_of_an_engine_goes_to_nobody(
    supervisor: FakeSupervisor, start_gateway: StartGateway, engine: str
) -> None:
    gateway = await start_gateway()

    answer = await order(gateway, "digits_r1", "load", engine=engine)

    assert answer.status_code == 400
    assert supervisor.orders == []


async def test_what_there_is_says_where_and_what_routes_it(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    on_disk = {"task": "image-classification", "promotable": True, "size_bytes": 7, "semver": None}
    supervisor.repository = {"digits_r1": on_disk, "digits_r10": on_disk, "digits_r2": on_disk}
    gateway = await start_gateway()
    await order(gateway, "digits_r2", "load")
    found = await listed(gateway)
    assert list(found) == ["digits_r1", "digits_r2", "digits_r10"]
    assert found["digits_r1"]["routed_by"] == ["digits"]
    assert [it["state"] for it in found["digits_r1"]["servers"]] == ["ready"]
    assert (found["digits_r2"]["is_wanted"], found["digits_r1"]["is_wanted"]) == (True, None)
    assert (found["digits_r10"]["servers"], found["digits_r10"]["size_bytes"]) == ([], 7)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (409, (409, "release_refused")),
        (404, (404, "unknown_release")),
        (503, (503, "inference_unavailable")),
    ],
)
async def test_a_load_that_fails_says_why_and_changes_nothing(
    supervisor: FakeSupervisor,
    start_gateway: StartGateway,
    status: int,
    expected: tuple[int, str],
) -> None:
    supervisor.refusals["/releases/digits_r2/load"] = (status, "A golden input got '3'.")
    gateway = await start_gateway()
    answer = await order(gateway, "digits_r2", "load")
    assert refusal(answer) == expected
    assert "triton-0: A golden input got '3'." in answer.json()["error"]["message"]
    assert (await listed(gateway)).keys() == {"digits_r1"}
    assert refusal(await route_to(gateway, "digits_r2")) == (409, "release_not_ready")


async def test_nobody_to_load_it_is_unavailable(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    supervisor.mood = Mood.SILENT
    supervisor.refusals["/releases/digits_r2/load"] = (500, "")
    assert refusal(await order(gateway, "digits_r2", "load")) == (503, "inference_unavailable")


async def test_what_a_route_names_is_not_unloaded(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    assert refusal(await order(gateway, "digits_r1", "unload")) == (409, "release_in_use")
    await order(gateway, "digits_r2", "load")
    await route_to(gateway, "digits_r2")
    assert refusal(await order(gateway, "digits_r2", "unload")) == (409, "release_in_use")
    assert supervisor.orders == ["/releases/digits_r2/load"]
    assert (await order(gateway, "digits_r1", "unload")).status_code == 200
    assert (await listed(gateway)).keys() == {"digits_r2"}


async def test_what_was_unloaded_is_not_routed_even_before_every_triton_has_obeyed(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases.append(a_release("digits", 2))
    gateway = await start_gateway()
    assert (await order(gateway, "digits_r2", "unload")).status_code == 200
    supervisor.releases.append(a_release("digits", 2))  # as if one had not heard it
    assert refusal(await route_to(gateway, "digits_r2")) == (409, "release_not_ready")
    assert (await order(gateway, "digits_r2", "load")).status_code == 200
    assert (await route_to(gateway, "digits_r2")).status_code == 200


async def test_what_somebody_asks_directly_stays(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases.append(a_release("digits", 2))
    supervisor.refusals["/releases/digits_r2/unload"] = (409, "It got 12 inferences meanwhile.")
    gateway = await start_gateway()
    for wanted in (None, True):
        answer = await order(gateway, "digits_r2", "unload")
        assert refusal(answer) == (409, "release_in_use")
        assert "12 inferences" in answer.json()["error"]["message"]
        assert (await listed(gateway))["digits_r2"]["is_wanted"] is wanted
        await order(gateway, "digits_r2", "load")
    assert (await route_to(gateway, "digits_r2")).status_code == 200


async def test_a_name_that_is_none_is_unknown(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    for what in ("load", "unload"):
        assert refusal(await order(gateway, "digits", what)) == (404, "unknown_release")


async def test_a_lower_number_that_is_loaded_takes_no_traffic(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases = [a_release("digits", 2)]
    gateway = await start_gateway()
    assert (await order(gateway, "digits_r1", "load")).status_code == 200
    route = (await gateway.client.get("/v1/routes/digits", headers=gateway.ui)).json()
    assert [(arm["release"], arm["weight"]) for arm in route["arms"]] == [("digits_r2", 100)]
    assert route["revision"] == 1
