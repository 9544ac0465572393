"""Which requests are traced: our share of them, and those for which a good key asks."""

from __future__ import annotations

import re

import httpx
import pytest

from gateway.request_context import RequestRecord
from gateway.tracing import Tracing, follow, sample, traced_request
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


async def _predict(
    gateway: Gateway, key: dict[str, str] | None = None, **headers: str
) -> httpx.Response:
    return await gateway.client.post(
        "/v1/predict/digits",
        content=b"seven",
        headers={**(key or gateway.admin), **{k.replace("_", "-"): v for k, v in headers.items()}},
    )


@pytest.mark.parametrize(
    ("traceparent", "is_followed"),
    [
        (PARENT, True),
        (f"00-{TRACE}-{SPAN}-00", True),
        (f"01-{TRACE}-{SPAN}-01-what-a-later-version-adds", True),
        (f"00-{TRACE}-{SPAN}-01-more", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE}-{SPAN}-1", False),
        (f"00-{TRACE}-{SPAN}", False),
        (f" {PARENT}", False),
        (f"{PARENT}\n", False),
        ("", False),
        ("\xff" * 55, False),
        (f"01-{TRACE}-{SPAN}-01-{'x' * 5000}", False),
    ],
)
def test_only_a_valid_traceparent_is_followed(traceparent: str, is_followed: bool) -> None:
    known = RequestRecord()
    follow(known, traceparent.encode("latin-1"))
    expected = (TRACE, SPAN) if is_followed else ("", "")
    assert (known.trace_id, known.caller_span_id) == expected


async def test_an_untraced_request_says_nothing_of_traces_to_triton(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(trace_sample_ratio=0.0)
    key = gateway.admin
    for headers in ({}, {"traceparent": PARENT}, {"X_Trace": "0"}):
        assert (await _predict(gateway, key, **headers)).status_code == 200
    assert [metadata.get("traceparent") for metadata in triton.metadata] == [None] * 3


async def test_our_own_share_is_traced_whatever_the_callers_flag_says(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(trace_sample_ratio=1.0)
    await _predict(gateway, gateway.ui)
    await _predict(gateway, gateway.ui, traceparent=f"00-{TRACE}-{SPAN}-00")
    fresh, followed = [metadata["traceparent"] for metadata in triton.metadata]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", fresh)
    assert followed.startswith(f"00-{TRACE}-")
    assert SPAN not in followed
    assert followed.endswith("-01")


async def test_of_two_traceparents_neither_is_followed(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(trace_sample_ratio=1.0)
    twice = [*gateway.ui.items(), ("traceparent", PARENT), ("traceparent", PARENT)]
    await gateway.client.post("/v1/predict/digits", content=b"seven", headers=twice)
    (metadata,) = triton.metadata
    assert TRACE not in metadata["traceparent"]


async def test_a_key_with_the_scope_may_order_a_trace_and_another_is_refused(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(trace_sample_ratio=0.0)
    granted = await _predict(gateway, X_Trace="1", traceparent=PARENT)
    refused = await _predict(gateway, gateway.ui, X_Trace="1")
    assert granted.status_code == 200
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "scope_missing"
    (metadata,) = triton.metadata
    assert metadata["traceparent"].startswith(f"00-{TRACE}-")


async def test_an_ordered_trace_of_a_request_that_was_sampled_anyway_stays_one_trace(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(trace_sample_ratio=1.0)
    answer = await _predict(gateway, X_Trace="1")
    path = f"/v1/requests/{answer.headers['X-Request-Id']}/waterfall"
    waterfall = (await gateway.client.get(path, headers=gateway.admin)).json()
    (metadata,) = triton.metadata
    assert waterfall["trace_id"] in metadata["traceparent"]


def test_only_the_last_requests_are_kept_and_a_share_of_them_is_drawn() -> None:
    tracing = Tracing(sample_ratio=0.5, traces_kept=2)
    drawn = [RequestRecord() for _ in range(2000)]
    for known in drawn:
        tracing.toss(known)
    assert 850 < sum(known.trace is not None for known in drawn) < 1150
    for number in range(3):
        known = RequestRecord()
        sample(known)
        assert known.trace
        tracing.keep(
            traced_request(
                known,
                known.trace,
                request_id=str(number),
                method="POST",
                route="/v1/predict/{alias}",
                status=200,
                outcome="ok",
            )
        )
    assert [tracing.find(str(number)) is not None for number in range(3)] == [False, True, True]


async def test_what_came_without_a_key_is_never_kept(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(trace_sample_ratio=1.0)
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven")
    path = f"/v1/requests/{answer.headers['X-Request-Id']}/waterfall"
    assert (await gateway.client.get(path, headers=gateway.admin)).status_code == 404


async def test_each_answer_of_the_data_plane_says_where_its_time_went(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    answers = [
        await _predict(gateway),
        await gateway.client.post("/v1/predict/digits", content=b"seven"),
        await gateway.client.post("/v1/predict/nobody", content=b"seven", headers=gateway.ui),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 404]
    for answer in answers:
        parts = dict(part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
        assert set(parts) == {"queue", "body", "triton", "total"}
        assert float(parts["total"]) >= float(parts["triton"]) + float(parts["body"])
        assert (float(parts["triton"]) > 0) is (answer.status_code == 200)
    routes = await gateway.client.get("/v1/routes", headers=gateway.ui)
    assert "Server-Timing" not in routes.headers
