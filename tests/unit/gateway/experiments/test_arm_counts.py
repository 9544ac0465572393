"""What arms do is counted, written down each second, and added up over gateways."""

from __future__ import annotations

import asyncio
import logging

import grpc
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.settings import GatewaySettings
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.experiments.compared import predict, report, report_with, set_route
from tests.unit.gateway.running_gateway import StartGateway, gateway_in_process, until

LAME = (grpc.StatusCode.INTERNAL, "it fell over")


def answered_statuses(caplog: pytest.LogCaptureFixture) -> set[int]:
    lines = [line for line in caplog.records if line.name == "gateway.access"]
    return {line.__dict__["fields"]["status"] for line in lines}


async def test_each_arm_has_its_requests_failures_labels_and_latency(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    triton.answers[b"nine"] = ranked("9")
    await set_route(gateway, r1=1, r2=0)
    await predict(gateway, times=3)
    await predict(gateway, b"nine")
    await predict(gateway, b"no picture")
    triton.refusal = LAME
    assert await predict(gateway) == [502]
    told = await report_with(gateway, "routes", {"requests": 6})
    first, second = told["arms"]
    assert (first["release"], first["weight"], second["weight"]) == ("digits_r1", 1, 0)
    assert first["failures"]["count"] == 1
    assert first["failures"]["lower"] < first["failures"]["share"] < first["failures"]["upper"]
    assert first["items"] == 4
    shares = {it["label"]: it["of_items"]["share"] for it in first["labels"]}
    assert shares == {"7": 0.75, "9": 0.25}
    assert 0 < first["latency"]["p50_ms"] <= first["latency"]["p99_ms"]
    assert (second["requests"], second["latency"]["p50_ms"]) == (0, None)


async def test_the_open_inference_protocol_is_counted_too(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, r1=1, r2=0)
    headers = {**gateway.ui, "Inference-Header-Content-Length": "0"}
    await gateway.client.post("/v2/models/digits/infer", content=b"seven", headers=headers)
    await report_with(gateway, "routes", {"requests": 1, "items": 1})


async def test_a_route_with_nothing_to_compare_is_not_counted(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    await predict(gateway, times=2)
    await set_route(gateway, r1=1, r2=0)
    await predict(gateway)
    await report_with(gateway, "routes", {"requests": 1})
    told = await report(gateway, "routes", since_revision=0)
    assert (told["since_revision"], told["arms"][0]["requests"]) == (0, 1)


async def test_callers_who_err_who_are_turned_away_or_who_leave_are_no_failures_of_the_arm(
    triton: FakeTriton, serve_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await serve_gateway(max_in_flight=1)
    caplog.set_level("INFO", "gateway.access")
    await set_route(gateway, r1=1, r2=0)
    assert await predict(gateway, b"") == [400]
    triton.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(predict(gateway))
        await until(lambda: len(triton.asked) == 1)
        hasty = {**gateway.ui, "X-Request-Timeout-Ms": "50"}
        late = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=hasty)
        assert late.status_code == 504  # it was never its turn
        with pytest.raises(httpx.ReadTimeout):
            await gateway.client.post(
                "/v1/predict/digits", content=b"seven", headers=gateway.ui, timeout=0.1
            )
        await until(lambda: 499 in answered_statuses(caplog))  # and not when it gets its turn
        triton.may_answer.set()
    assert first.result() == [200]
    told = await report_with(gateway, "routes", {"requests": 1})
    assert told["arms"][0]["failures"]["count"] == 0


async def test_each_revision_counts_for_itself(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    await set_route(gateway, r1=1, r2=0)
    await predict(gateway, times=2)
    await report_with(gateway, "routes", {"requests": 2})
    await set_route(gateway, r1=2, r2=0)
    await predict(gateway)
    told = await report_with(gateway, "routes", {"requests": 1})
    before = told["revision"] - 1
    await report_with(gateway, "routes", {"requests": 2}, revision=before)
    both = await report_with(gateway, "routes", {"requests": 3}, since_revision=before)
    assert (both["since_revision"], both["revision"]) == (before, before + 1)


async def test_two_gateways_add_up(start_gateway: StartGateway) -> None:
    one, another = await start_gateway(), await start_gateway()
    await set_route(one, r1=1, r2=0)

    async def is_heard() -> bool:
        answer = await another.client.get("/v1/routes/digits", headers=another.ui)
        return len(answer.json()["arms"]) == 2

    await until(is_heard)
    await predict(one, times=2)
    await predict(another, times=3)
    for gateway in (one, another):
        await report_with(gateway, "routes", {"requests": 5, "items": 5})


async def test_what_was_counted_last_is_written_down_when_a_gateway_ends(
    settings: GatewaySettings,
) -> None:
    async with gateway_in_process(settings) as gateway:
        await set_route(gateway, r1=1, r2=0)
        await predict(gateway, times=2)
    async with gateway_in_process(settings) as gateway:
        told = await report(gateway, "routes")
    assert told["arms"][0]["requests"] == 2


async def test_a_database_that_is_away_for_a_while_costs_no_count_and_two_log_lines(
    settings: GatewaySettings, start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, r1=1, r2=0)
    engine = create_async_engine(settings.effective_database_url)

    async def rename(before: str, after: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))

    def lines() -> list[int]:
        name = "gateway.control_plane.experiments.totals_reporter"
        return [it.levelno for it in caplog.records if it.name == name]

    await rename("arm_totals", "away")
    await predict(gateway, times=2)
    await until(lambda: lines() == [logging.ERROR])
    await predict(gateway)
    await rename("away", "arm_totals")
    await report_with(gateway, "routes", {"requests": 3})
    await until(lambda: lines() == [logging.ERROR, logging.WARNING])
    await engine.dispose()
