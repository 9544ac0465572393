"""Spans over OTLP/HTTP to a collector that decodes real protobuf; a dead one harms nobody."""

from __future__ import annotations

import time

import pytest

from gateway.otlp_export import OtlpExport
from gateway.tracing import Interval, TracedRequest
from tests.fakes.fake_collector import FakeCollector, running_collector
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import StartGateway, until
from triptych.stack.ports import free_ports

CALLER = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


def a_request(number: int = 1, *, status: int = 200, outcome: str = "ok") -> TracedRequest:
    return TracedRequest(
        request_id=f"{number:032x}",
        trace_id=f"{number:032x}",
        caller_span_id="",
        key_id="one",
        tenant="",
        alias="digits",
        release="digits_r1",
        method="POST",
        route="/v1/predict/{alias}",
        status=status,
        outcome=outcome,
        body_bytes=5,
        triton_calls=1,
        whole=Interval("request", f"{number:016x}", 1_000, 9_000),
        parts=(Interval("triton", f"{number + 7:016x}", 2_000, 8_000),),
    )


async def test_a_sampled_request_is_a_server_span_with_its_parts_below(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    with running_collector() as collector:
        gateway = await start_gateway(otlp_url=collector.url, trace_sample_ratio=1.0)
        answer = await gateway.client.post(
            "/v1/predict/digits",
            content=b"seven",
            headers={**gateway.ui, "traceparent": "-".join(("00", *CALLER, "00"))},
        )
        await until(lambda: len(collector.spans()) >= 4)
    spans = {span.name: span for span in collector.spans()}
    assert set(spans) == {"POST /v1/predict/{alias}", "auth", "body", "queue", "triton"}
    server = spans.pop("POST /v1/predict/{alias}")
    assert (server.trace_id.hex(), server.parent_span_id.hex()) == CALLER
    attributes = {it.key: it.value for it in server.attributes}
    assert attributes["triptych.request_id"].string_value == answer.headers["X-Request-Id"]
    assert attributes["triptych.release"].string_value == "digits_r1"
    assert attributes["http.response.status_code"].int_value == 200
    for part in spans.values():
        assert part.parent_span_id == server.span_id
        assert server.start_time_unix_nano <= part.start_time_unix_nano
        assert part.end_time_unix_nano <= server.end_time_unix_nano
    (metadata,) = triton.metadata
    assert metadata["traceparent"] == f"00-{CALLER[0]}-{spans['triton'].span_id.hex()}-01"
    (resource,) = {it.resource.SerializeToString() for it in collector.exports[0].resource_spans}
    assert b"triptych-gateway" in resource
    assert b"seven" not in b"".join(it.SerializeToString() for it in collector.exports)


async def test_without_a_collector_nothing_is_exported_and_untraced_requests_make_no_span(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    with running_collector() as collector:
        gateway = await start_gateway(otlp_url=collector.url, trace_sample_ratio=0.0)
        await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
        export = OtlpExport(collector.url)
        export.take(a_request())
        export.close()  # what came before it went out before it
        assert [span.name for span in collector.spans()] == ["POST /v1/predict/{alias}", "triton"]


def test_a_failure_of_ours_is_marked_and_one_of_the_callers_is_not() -> None:
    with running_collector() as collector:
        export = OtlpExport(collector.url)
        export.take(a_request(1, status=502, outcome="failed"))
        export.take(a_request(2, status=422, outcome="rejected"))
        export.close()
    failed, _, rejected, _ = sorted(collector.spans(), key=lambda span: span.trace_id)
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert rejected.status.code == rejected.status.STATUS_CODE_UNSET
    assert failed.parent_span_id == b""


def _refusing(collector: FakeCollector) -> str:
    collector.status = 500
    return collector.url


@pytest.mark.parametrize("is_there", [False, True])
def test_a_dead_collector_slows_nothing_and_is_told_of_once(
    is_there: bool, caplog: pytest.LogCaptureFixture
) -> None:
    (port,) = free_ports(1)
    with running_collector() as collector:
        dead = f"http://127.0.0.1:{port}/v1/traces"
        export = OtlpExport(_refusing(collector) if is_there else dead)
        caplog.set_level("DEBUG")
        began = time.perf_counter()
        for number in range(1, 3000):  # more than the queue holds
            export.take(a_request(number))
        seconds = time.perf_counter() - began
        began = time.monotonic()
        export.close()
    assert time.monotonic() - began < 5
    assert seconds / 3000 < 0.005
    told = [record for record in caplog.records if "opentelemetry" in record.name]
    ours = [record for record in caplog.records if record.name == "gateway.otlp_export"]
    assert told == []
    assert len(ours) <= 1


def test_a_collector_that_comes_back_is_told_of_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "gateway.otlp_export")
    with running_collector() as collector:
        export = OtlpExport(_refusing(collector))
        export.take(a_request())
        _wait_for(caplog, 1)
        collector.status = 200
        export.take(a_request(2))
        _wait_for(caplog, 2)
        export.close()
    assert [record.getMessage().partition(" at ")[2].split(" ", 1)[1] for record in caplog.records][
        -1
    ] == "takes spans again"


def _wait_for(caplog: pytest.LogCaptureFixture, lines: int) -> None:
    deadline = time.monotonic() + 10
    while len(caplog.records) < lines:
        assert time.monotonic() < deadline, "nothing was said"
        time.sleep(0.01)
