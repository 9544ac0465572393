"""Copies of requests: sent to the shadow behind the caller's back, and never at their expense."""

from __future__ import annotations

import asyncio
import time

import grpc

from python_backends.shared.contract import Status
from tests.fakes.fake_triton import FakeTriton, ranked, refused
from tests.unit.gateway.experiments.compared import copies, predict, report, report_with, set_route
from tests.unit.gateway.running_gateway import StartGateway, until

LAME = (grpc.StatusCode.INTERNAL, "it fell over")


async def test_a_shadow_gets_what_callers_send_and_is_compared(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=100, r1=1)
    assert await predict(gateway, times=3) == [200] * 3
    await until(lambda: triton.asked_of("digits_r2") == 3)
    told = await report_with(gateway, "shadows", {"pairs": 3})
    assert told["release"] == "digits_r2"
    assert (told["top1_agreement"]["share"], told["top_k_agreement"]["count"]) == (1.0, 3)
    assert (told["outcome_differed"]["count"], told["dropped"]) == (0, 0)
    assert told["serving_latency"]["p50_ms"] > 0
    assert told["shadow_latency"]["p50_ms"] > 0
    assert await copies(gateway, "sent") == 3
    metrics = (await gateway.client.get("/metrics", headers=gateway.admin)).text
    name = "triptych_gateway_shadow_items_total"
    assert f'{name}{{release="digits_r2",verdict="agreed"}} 3.0' in metrics
    assert f'{name}{{release="digits_r2",verdict="disagreed"}} 0.0' in metrics


async def test_no_copy_is_sent_before_the_caller_has_an_answer(
    triton: FakeTriton, serve_gateway: StartGateway
) -> None:
    gateway = await serve_gateway()
    await set_route(gateway, shadow=100, r1=1)
    triton.hung.add("digits_r1")
    asked = asyncio.create_task(predict(gateway))
    await until(lambda: triton.asked_of("digits_r1") == 1)
    await set_route(gateway, shadow=50, r1=1)  # takes a while, and the request keeps its route
    assert triton.asked_of("digits_r2") == 0
    triton.hung.clear()
    assert await asked == [200]
    await until(lambda: triton.asked_of("digits_r2") == 1)


async def test_a_shadow_for_few_percent_gets_few_copies(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=0.0001, r1=1)
    assert await predict(gateway, times=20) == [200] * 20
    assert triton.asked_of("digits_r2") == 0  # by chance it fails once in 50 000 times
    told = await report(gateway, "shadows")
    assert (told["pairs"], told["dropped"]) == (0, 0)


async def test_a_shadow_that_hangs_costs_callers_nothing(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(shadow_in_flight=2)
    await set_route(gateway, shadow=100, r1=1)
    triton.hung.add("digits_r2")
    began = time.monotonic()
    assert await predict(gateway, times=20) == [200] * 20
    assert time.monotonic() - began < 5  # a copy would be given up after 10
    assert await copies(gateway, "dropped") == 18
    await until(lambda: triton.asked_of("digits_r2") == 2)
    triton.hung.clear()
    told = await report_with(gateway, "shadows", {"pairs": 2, "dropped": 18})
    assert told["shadow_failures"]["count"] == 0


async def test_a_copy_that_takes_too_long_has_failed_and_keeps_its_place_until_it_is_done(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(shadow_in_flight=1, inference_timeout_seconds=0.2)
    await set_route(gateway, shadow=100, r1=1)
    triton.hung.add("digits_r2")
    await predict(gateway)
    told = await report_with(gateway, "shadows", {"pairs": 1})
    assert (told["shadow_failures"]["count"], told["outcome_differed"]["count"]) == (1, 1)
    await predict(gateway)
    assert await copies(gateway, "dropped") == 1
    triton.hung.clear()

    async def is_sent_again() -> bool:
        await predict(gateway)
        return await copies(gateway, "sent") > 1

    await until(is_sent_again)


async def test_a_shadow_that_fails_is_seen_in_the_report_and_nowhere_else(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=100, r1=1)
    triton.judge = lambda request: LAME if request.model_name == "digits_r2" else None
    assert await predict(gateway) == [200]
    told = await report_with(gateway, "shadows", {"pairs": 1}, disagreements=1)
    assert (told["shadow_failures"]["count"], told["top1_agreement"]["count"]) == (1, 0)
    (shown,) = told["disagreements"]
    assert (shown["shadow"]["outcome"], shown["serving"]["labels"][0]) == ("failed", "7")
    assert triton.asked_of("digits_r2") == 1  # no second try
    metrics = (await gateway.client.get("/metrics", headers=gateway.admin)).text
    assert "triptych_gateway_retries_total 0.0" in metrics
    assert "triptych_gateway_ejections_total{" not in metrics
    name = "triptych_gateway_shadow_items_total"
    assert f'{name}{{release="digits_r2",verdict="disagreed"}} 1.0' in metrics


async def test_where_the_arm_fails_its_shadow_is_asked_all_the_same(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=100, r1=1)
    triton.judge = lambda request: LAME if request.model_name == "digits_r1" else None
    assert await predict(gateway) == [502]
    told = await report_with(gateway, "shadows", {"pairs": 1})
    assert (told["serving_failures"]["count"], told["shadow_failures"]["count"]) == (1, 0)


async def test_what_a_shadow_cannot_take_now_is_dropped(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=100, r1=1)
    away = (grpc.StatusCode.UNAVAILABLE, "not now")
    triton.judge = lambda request: away if request.model_name == "digits_r2" else None
    await predict(gateway)
    told = await report_with(gateway, "shadows", {"dropped": 1})
    assert told["pairs"] == 0


async def test_answers_of_a_cache_are_neither_copied_nor_counted_and_a_copy_fills_none(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(cache_bytes=1_000_000)
    await set_route(gateway, shadow=100, r1=1)
    await predict(gateway, times=3)
    await report_with(gateway, "shadows", {"pairs": 1})
    await report_with(gateway, "routes", {"requests": 1})
    asked = await gateway.client.post(
        "/v1/predict/digits_r2", content=b"seven", headers=gateway.admin
    )
    assert asked.json()["provenance"]["cache"] == "miss"
    assert triton.asked_of("digits_r2") == 2


async def test_a_request_of_several_batches_is_copied_whole(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=100, r1=1)
    files = [("files", (f"{it}.png", b"seven", "image/png")) for it in range(20)]
    answer = await gateway.client.post("/v1/predict/digits", files=files, headers=gateway.ui)
    assert answer.status_code == 200
    told = await report_with(gateway, "shadows", {"pairs": 20})
    assert told["top1_agreement"]["count"] == 20
    assert triton.asked_of("digits_r2") == 3  # eight make a batch


async def test_a_shadow_that_refuses_what_the_arm_answers_differs_in_outcome(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=100, r1=1)
    triton.answers_of["digits_r2"] = {b"seven": refused(Status.TOO_LARGE)}
    await predict(gateway)
    told = await report_with(gateway, "shadows", {"pairs": 1}, disagreements=1)
    assert (told["outcome_differed"]["count"], told["shadow_failures"]["count"]) == (1, 0)
    assert told["disagreements"][0]["shadow"]["outcome"] == "too_large"


async def test_what_ended_a_process_is_not_shown_to_another(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=100, r1=1)
    triton.answers[b"poison"] = refused(Status.HARMFUL)
    triton.answers[b"nine"] = ranked("9")
    assert await predict(gateway, b"poison") == [422]
    await predict(gateway, b"nine")
    await until(lambda: triton.asked_of("digits_r2") == 1)
    assert b"poison" not in triton.asked[-1].raw_input_contents[0]


async def test_copies_are_the_first_to_go_when_callers_wait(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_in_flight=1)
    await set_route(gateway, shadow=100, r1=1)
    triton.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(predict(gateway)) for _ in range(3)]
        await until(lambda: triton.asked_of("digits_r1") == 1)
        await until(lambda: gateway.has_in_flight(3))
        triton.may_answer.set()
    assert [it.result() for it in asked] == [[200]] * 3
    assert (
        await copies(gateway, "dropped") == 2
    )  # nobody waited any more when the last was answered
