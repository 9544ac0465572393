"""/metrics: what is counted, and that nobody can make up label values."""

from __future__ import annotations

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.fake_supervisor import FakeSupervisor
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def _scrape(gateway: Gateway) -> Samples:
    answer = await gateway.client.get("/metrics", headers=gateway.admin)
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def _requests(samples: Samples) -> dict[tuple[str, ...], float]:
    return {
        tuple(value for _, value in labels): count
        for (name, labels), count in samples.items()
        if name == "triptych_gateway_requests_total"
    }


async def test_requests_are_counted_by_alias_release_route_and_status(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    for image in (b"seven", b"seven", b"noise"):
        await gateway.client.post("/v1/predict/digits", content=image, headers=gateway.ui)
    samples = await _scrape(gateway)
    assert _requests(samples) == {
        ("digits", "digits_r1", "/v1/predict/{alias}", "200"): 2,
        ("digits", "digits_r1", "/v1/predict/{alias}", "422"): 1,
    }
    of_triton = (("release", "digits_r1"),)
    assert samples["triptych_gateway_triton_duration_seconds_count", of_triton] == 3
    of_route = (("route", "/v1/predict/{alias}"),)
    assert samples["triptych_gateway_request_duration_seconds_count", of_route] == 3
    assert samples["triptych_gateway_request_duration_seconds_sum", of_route] > 0


async def test_a_scanner_makes_no_label_values(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    for number in range(20):
        for path in (f"/scan/{number}", f"/docs/{number}", f"/static-offline-docs/{number}"):
            await gateway.client.get(path)
        await gateway.client.post(f"/v1/predict/a{number}", headers=gateway.ui)
        await gateway.client.get(f"/v1/routes/a{number}", headers=gateway.ui)
        await gateway.client.delete(f"/v1/admin/keys/{number}", headers=gateway.admin)
        await gateway.client.request(f"METHOD{number}", "/v1/routes")
    assert _requests(await _scrape(gateway)) == {
        ("", "", "unmatched", "404"): 60,
        ("", "", "/v1/predict/{alias}", "404"): 20,
        ("", "", "/v1/routes/{alias}", "404"): 20,
        ("", "", "/v1/admin/keys/{key_id}", "404"): 20,
        ("", "", "/v1/routes", "405"): 20,
    }


async def test_readiness_is_a_metric(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    assert (await _scrape(gateway))["triptych_gateway_ready", ()] == 1
    supervisor.is_ready = False
    second = await start_gateway()
    assert (await _scrape(second))["triptych_gateway_ready", ()] == 0


async def test_each_gateway_counts_for_itself(start_gateway: StartGateway) -> None:
    first, second = await start_gateway(), await start_gateway()
    await asyncio.gather(*(first.client.get("/nowhere") for _ in range(5)))
    assert _requests(await _scrape(first)) == {("", "", "unmatched", "404"): 5}
    assert _requests(await _scrape(second)) == {}
