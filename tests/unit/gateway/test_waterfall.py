"""GET /v1/requests/{request_id}/waterfall: both halves of one request on one clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from gateway.control_plane.supervisor_observations import TritonSpan
from gateway.control_plane.waterfall import join
from gateway.tracing import Interval, TracedRequest
from tests.fakes.fake_supervisor import FakeSupervisor, Mood
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway
from triptych.supervisor.trace_store import Span

MS = 1_000_000
STEPS = ("preprocess", "model", "postprocess")


def a_span(name: str, span_id: str, parent_id: str, start_ns: int, end_ns: int) -> Span:
    step = name.removeprefix("digits_r1_") if name.startswith("digits_r1_") else ""
    return Span(
        name=name,
        model=name if name.startswith("digits_r1") else None,
        release="digits_r1",
        step=step,
        span_id=span_id,
        parent_id=parent_id,
        start_ns=start_ns,
        end_ns=end_ns,
        queue_start_ns=start_ns,
        response_ns=start_ns + 2 * MS if name == "InferRequest" else None,
        compute_start_ns=start_ns + 100_000 if step else None,
        compute_end_ns=end_ns if step else None,
    )


def spans_below(parent_id: str, start_ns: int, prefix: str = "a") -> list[Span]:
    """As Triton makes them: the call, the ensemble, and three steps of half a millisecond."""
    call, ensemble = f"{prefix}1".zfill(16), f"{prefix}2".zfill(16)
    found = [
        a_span("InferRequest", call, parent_id, start_ns, start_ns + 5 * MS),
        # As on a busy machine: noted long after the answer had gone out.
        a_span("digits_r1", ensemble, call, start_ns, start_ns + 400 * MS),
    ]
    for number, step in enumerate(STEPS):
        begin_ns = start_ns + number * MS // 2
        step_id = f"{prefix}{3 + number}".zfill(16)
        found.append(a_span(f"digits_r1_{step}", step_id, ensemble, begin_ns, begin_ns + MS // 2))
    return found


@dataclass(frozen=True)
class Traced:
    """One request that was traced, as Triton saw it."""

    request_id: str
    trace_id: str
    triton_span_id: str
    arrived_ns: int
    """At Triton, which took ten milliseconds."""


async def _traced(gateway: Gateway, triton: FakeTriton) -> Traced:
    arrived: list[int] = []

    def take_ten_milliseconds(_: object) -> None:
        arrived.append(time.time_ns())
        time.sleep(0.01)

    triton.answers[b"seven"], triton.spoil = ranked("7"), take_ten_milliseconds
    answer = await gateway.client.post(
        "/v1/predict/digits", content=b"seven", headers={**gateway.admin, "X-Trace": "1"}
    )
    _, trace_id, span_id, _ = triton.metadata[-1]["traceparent"].split("-")
    return Traced(answer.headers["X-Request-Id"], trace_id, span_id, arrived[0])


async def _ask(gateway: Gateway, request_id: str, key: dict[str, str]) -> httpx.Response:
    return await gateway.client.get(f"/v1/requests/{request_id}/waterfall", headers=key)


def _bars(waterfall: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {bar["name"]: bar for bar in waterfall["bars"]}


async def test_both_halves_are_joined_and_nested(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    traced = await _traced(gateway, triton)
    spans = spans_below(traced.triton_span_id, traced.arrived_ns)
    supervisor.traces[traced.trace_id] = spans
    answer = await _ask(gateway, traced.request_id, gateway.admin)
    waterfall = answer.json()
    bars = _bars(waterfall)
    assert answer.status_code == 200
    assert waterfall["request_id"] == traced.request_id
    assert waterfall["trace_id"] == traced.trace_id
    assert (waterfall["alias"], waterfall["release"]) == ("digits", "digits_r1")
    assert (waterfall["triton"], waterfall["clock_shift_ms"]) == ("complete", 0)
    assert set(bars) == {
        "request",
        "auth",
        "body",
        "queue",
        "triton",
        "ensemble",
        *(f"{step} {kind}" for step in STEPS for kind in ("queue", "compute")),
    }
    assert "parent" not in bars["request"]
    for bar in waterfall["bars"][1:]:
        outer = bars[bar["parent"]]
        assert outer["start_ms"] <= bar["start_ms"]
        end_ms = bar["start_ms"] + bar["duration_ms"]
        assert end_ms <= outer["start_ms"] + outer["duration_ms"] + 0.002
    assert bars["ensemble"]["duration_ms"] == pytest.approx(2)
    assert bars["model queue"]["duration_ms"] == pytest.approx(0.1)
    assert bars["model compute"]["duration_ms"] == pytest.approx(0.4)
    starts = [bar["start_ms"] for bar in waterfall["bars"]]
    assert starts == sorted(starts)


async def test_spans_of_another_clock_are_moved_into_the_middle_of_the_call(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    traced = await _traced(gateway, triton)
    supervisor.traces[traced.trace_id] = spans_below(
        traced.triton_span_id, time.time_ns() - 3_600_000 * MS
    )
    waterfall = (await _ask(gateway, traced.request_id, gateway.admin)).json()
    bars = _bars(waterfall)
    inner, outer = bars["ensemble"], bars["triton"]
    assert waterfall["clock_shift_ms"] == pytest.approx(3_600_000, abs=1000)
    assert inner["start_ms"] + inner["duration_ms"] / 2 == pytest.approx(
        outer["start_ms"] + outer["duration_ms"] / 2, abs=0.01
    )


async def test_spans_that_come_late_are_waited_for(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    traced = await _traced(gateway, triton)
    supervisor.traces[traced.trace_id], supervisor.traces_wait_for = (
        spans_below(traced.triton_span_id, 0),
        3,
    )
    assert (await _ask(gateway, traced.request_id, gateway.admin)).json()["triton"] == "complete"


@pytest.mark.parametrize("mood", [Mood.HONEST, Mood.SILENT, Mood.GARBAGE])
async def test_without_tritons_half_ours_is_told_after_a_second(
    mood: Mood, triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    traced = await _traced(gateway, triton)
    supervisor.mood = mood
    began = time.monotonic()
    waterfall = (await _ask(gateway, traced.request_id, gateway.admin)).json()
    assert 0.9 < time.monotonic() - began < 3
    assert waterfall["triton"] == "none"
    assert set(_bars(waterfall)) == {"request", "auth", "body", "queue", "triton"}


async def test_other_requests_of_the_same_trace_do_not_mix_in(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    traced = await _traced(gateway, triton)
    others = spans_below("f" * 16, time.time_ns(), prefix="b")
    supervisor.traces[traced.trace_id] = [
        *others,
        *spans_below(traced.triton_span_id, time.time_ns()),
    ]
    waterfall = (await _ask(gateway, traced.request_id, gateway.admin)).json()
    names = [bar["name"] for bar in waterfall["bars"]]
    assert names.count("ensemble") == 1


async def test_a_request_that_never_reached_triton_is_told_at_once(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    refused = await gateway.client.post(
        "/v1/predict/digits", content=b"", headers={**gateway.admin, "X-Trace": "1"}
    )
    waterfall = (await _ask(gateway, refused.headers["X-Request-Id"], gateway.admin)).json()
    assert (waterfall["status"], waterfall["outcome"]) == (400, "rejected")
    assert waterfall["triton"] == "none"
    assert not [path for path in supervisor.asked if path.startswith("/traces")]


async def test_who_may_see_it_is_the_key_that_asked_and_whoever_may_see_metrics(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(trace_sample_ratio=1.0)
    keys = {}
    for name, scopes in (("other", ["predict"]), ("watcher", ["metrics"])):
        body = {"name": name, "scopes": scopes}
        made = await gateway.client.post("/v1/admin/keys", json=body, headers=gateway.admin)
        keys[name] = {"X-API-Key": made.json()["key"]}
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    request_id = answer.headers["X-Request-Id"]
    assert (await _ask(gateway, request_id, gateway.ui)).status_code == 200
    assert (await _ask(gateway, request_id, keys["watcher"])).status_code == 200
    hidden = await _ask(gateway, request_id, keys["other"])
    unknown = await _ask(gateway, "0" * 32, keys["other"])
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["error"]["code"] == unknown.json()["error"]["code"] == "unknown_request"
    without = await gateway.client.get(f"/v1/requests/{request_id}/waterfall")
    assert without.status_code == 401


def _two_calls() -> TracedRequest:
    return TracedRequest(
        request_id="1",
        trace_id="2",
        caller_span_id="",
        key_id="3",
        tenant="",
        alias="digits",
        release="digits_r1",
        method="POST",
        route="/v1/predict/{alias}",
        status=200,
        outcome="ok",
        body_bytes=5,
        triton_calls=2,
        whole=Interval("request", "1", 0, 30 * MS),
        parts=(Interval("triton", "a" * 16, 10 * MS, 20 * MS),),
    )


def _told(*spans: Span) -> list[TritonSpan]:
    return [TritonSpan.model_validate(span.to_json()) for span in spans]


def test_a_request_that_triton_got_in_two_calls_has_the_bars_of_both() -> None:
    first = spans_below("a" * 16, 11 * MS, prefix="b")
    second = spans_below("a" * 16, 15 * MS, prefix="c")
    whole = join(_two_calls(), _told(*second, *first))
    partial = join(_two_calls(), _told(*first))

    assert (whole.triton, partial.triton) == ("complete", "partial")
    bars = {bar.name: bar for bar in whole.bars}
    assert bars["ensemble 1"].start_ms == 11
    assert bars["ensemble 2"].start_ms == 15
    assert bars["model compute 2"].parent == "ensemble 2"
    assert "ensemble 2" not in {bar.name for bar in partial.bars}


def test_a_step_whose_times_did_not_all_come_has_the_bars_of_those_that_did() -> None:
    call, ensemble, first, second, third = spans_below("a" * 16, 11 * MS)
    spans = _told(
        call,
        ensemble,
        replace(first, queue_start_ns=None),
        replace(second, compute_end_ns=None),
        replace(third, compute_start_ns=None, compute_end_ns=None),
    )
    names = {bar.name for bar in join(replace(_two_calls(), triton_calls=1), spans).bars}

    assert names == {"request", "triton", "ensemble", "preprocess compute", "model queue"}
