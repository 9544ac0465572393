"""/metrics: what is counted, and that nobody can make up label values."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from gateway.metrics import GatewayMetrics
from gateway.middleware import RequestObserver
from gateway.request_books import RequestBooks
from gateway.request_context import RequestRecord, record, request_id
from gateway.request_outcome import request_outcome
from gateway.tracing import Tracing
from gateway.transport.security_headers import SecurityHeaders
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
    for outcome, times in (("ok", 2), ("rejected", 1)):
        labels = (
            ("alias", "digits"),
            ("outcome", outcome),
            ("release", "digits_r1"),
            ("route", "/v1/predict/{alias}"),
        )
        assert samples["triptych_gateway_request_duration_seconds_count", labels] == times
        assert samples["triptych_gateway_request_duration_seconds_sum", labels] > 0
    of_alias = (("alias", "digits"),)
    assert samples["triptych_gateway_request_body_bytes_count", of_alias] == 3
    assert samples["triptych_gateway_request_body_bytes_sum", of_alias] == 15


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, "", "ok"),
        (304, "", "ok"),
        (404, "unknown_alias", "rejected"),
        (429, "rate_limited", "limited"),
        (499, "", "cancelled"),
        (503, "overloaded", "overloaded"),
        (503, "inference_unavailable", "failed"),
        (500, "", "failed"),
    ],
)
def test_the_request_outcome_a_request_is_one_of_six_words(
    status: int, code: str, outcome: str
) -> None:
    assert request_outcome(status, code) == outcome


def test_the_wait_for_a_place_is_observed_where_there_was_one() -> None:
    metrics, known = GatewayMetrics(), RequestRecord(alias="digits")
    metrics.observe("/v1/predict/{alias}", known, 503, "overloaded")
    known.queue_ended(perf_counter_ns() - 5_000_000)
    for _ in range(2):
        metrics.observe("/v1/predict/{alias}", known, 200, "ok")
    text = metrics.exposition().decode()
    assert 'triptych_gateway_queue_duration_seconds_count{alias="digits"} 2.0' in text
    assert 'triptych_gateway_queue_duration_seconds_bucket{alias="digits",le="0.0025"} 0.0' in text
    assert "triptych_gateway_triton_duration_seconds_count" not in text


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


async def test_a_request_whose_client_went_away_is_cancelled_and_not_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        known = record.get()
        known.key_id, known.tenant, known.cache = "one", "lab", "hit"
        raise ClientDisconnect

    metrics, tracing = GatewayMetrics(), Tracing(sample_ratio=1.0, traces_kept=10)
    headers = SecurityHeaders(is_tls=False)
    observer = RequestObserver(app, RequestBooks(tracing, metrics), headers)
    caplog.set_level("INFO", "gateway.access")
    await observer(_SCOPE, _receive, _send)
    assert 'outcome="cancelled"' in metrics.exposition().decode()
    (line,) = caplog.records
    fields = line.__dict__["fields"]
    assert (fields["status"], fields["tenant"], fields["cache"]) == (499, "lab", "hit")
    traced = tracing.find(request_id.get())
    assert traced
    assert (traced.status, traced.outcome) == (499, "cancelled")


_SCOPE: Final = {"type": "http", "method": "POST", "path": "/v1/predict/digits", "headers": []}


async def _receive() -> Message:
    return {}


async def _send(_: Message) -> None:
    pass
