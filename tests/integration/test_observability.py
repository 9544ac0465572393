"""Traces, samples and metrics of the real Triton, gateway and supervisor."""

from __future__ import annotations

import secrets
import subprocess
import time
from typing import Any

import grpc
import httpx
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.local_stack import LocalStack
from python_backends.shared.contract import encode_bytes_tensor
from tests import pictures

STEPS = ("preprocess", "model", "postprocess")
JPEG = {"Content-Type": "image/jpeg"}


def _supervisor(stack: LocalStack, path: str) -> httpx.Response:
    return httpx.get(f"{stack.triton['supervisor']}{path}", trust_env=False)


def _infer(stack: LocalStack, traceparent: str | None) -> None:
    image = pictures.seven_jpeg()
    tensor = service_pb2.ModelInferRequest.InferInputTensor(
        name="IMAGE", datatype="BYTES", shape=(1, 1)
    )
    request = service_pb2.ModelInferRequest(
        model_name="digits_r1",
        inputs=[tensor],
        raw_input_contents=[encode_bytes_tensor([image])],
    )
    metadata = (("traceparent", traceparent),) if traceparent else ()
    with grpc.insecure_channel(stack.triton["grpc"]) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        stub.ModelInfer(request, timeout=10, metadata=metadata)


def _trace(stack: LocalStack, trace_id: str, *, names: int) -> list[dict[str, Any]]:
    """Wait until so many spans have arrived."""
    deadline = time.monotonic() + 10
    while True:
        answer = _supervisor(stack, f"/traces/{trace_id}")
        spans = answer.json()["spans"] if answer.status_code == 200 else []
        if len(spans) >= names:
            return list(spans)
        assert time.monotonic() < deadline, f"only {spans} came"
        time.sleep(0.05)


def _waterfall(gateway: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """Ask until Triton's half is there; on a busy machine its spans come late."""
    deadline = time.monotonic() + 10
    while True:
        told = gateway.get(f"/v1/requests/{answer.headers['X-Request-Id']}/waterfall").json()
        if told["triton"] == "complete" or time.monotonic() > deadline:
            return dict(told)


def test_a_traced_request_has_a_waterfall_of_every_step(
    gateway: httpx.Client, stack: LocalStack
) -> None:
    answer = gateway.post(
        "/v1/predict/digits", content=pictures.seven_jpeg(), headers={**JPEG, "X-Trace": "1"}
    )
    waterfall = _waterfall(gateway, answer)
    bars = {bar["name"]: bar for bar in waterfall["bars"]}

    assert (waterfall["triton"], waterfall["release"]) == ("complete", "digits_r1")
    assert {f"{step} {kind}" for step in STEPS for kind in ("queue", "compute")} <= set(bars)
    for bar in waterfall["bars"]:
        assert bar["duration_ms"] > 0 or bar["kind"] in {"gateway", "queue"}
    outer, inner = bars["triton"], bars["ensemble"]
    assert outer["start_ms"] <= inner["start_ms"]
    inner_end_ms = inner["start_ms"] + inner["duration_ms"]
    assert inner_end_ms <= outer["start_ms"] + outer["duration_ms"] + 0.01
    parts_ms = sum(bar["duration_ms"] for bar in bars.values() if bar.get("parent") == "ensemble")
    assert 0.5 * inner["duration_ms"] < parts_ms < 1.5 * inner["duration_ms"]
    gateway_ms = sum(bar["duration_ms"] for bar in bars.values() if bar.get("parent") == "request")
    assert gateway_ms <= waterfall["total_ms"] + 0.01
    assert {bar["parent"] for name, bar in bars.items() if name != "request"} == {
        "request",
        "triton",
        "ensemble",
    }
    assert len(_trace(stack, waterfall["trace_id"], names=5)) == 5


def test_the_time_in_triton_is_what_the_answer_and_server_timing_say(gateway: httpx.Client) -> None:
    answer = gateway.post(
        "/v1/predict/digits", content=pictures.seven_jpeg(), headers={**JPEG, "X-Trace": "1"}
    )
    told = dict(part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
    waterfall = gateway.get(f"/v1/requests/{answer.headers['X-Request-Id']}/waterfall").json()
    bars = {bar["name"]: bar["duration_ms"] for bar in waterfall["bars"]}

    assert float(told["triton"]) == pytest.approx(bars["triton"], abs=0.01)
    assert float(told["triton"]) == pytest.approx(answer.json()["timing"]["triton_ms"], abs=0.01)


def test_only_a_request_with_a_traceparent_is_in_the_supervisors_store(stack: LocalStack) -> None:
    traced, plain = secrets.token_hex(16), secrets.token_hex(16)
    _infer(stack, None)
    _infer(stack, f"00-{plain}-zzzz")
    _infer(stack, f"00-{traced}-00f067aa0ba902b7-01")

    spans = {span["name"]: span for span in _trace(stack, traced, names=5)}
    assert set(spans) == {"InferRequest", "digits_r1", *(f"digits_r1_{step}" for step in STEPS)}
    assert spans["InferRequest"]["parent_id"] == "00f067aa0ba902b7"
    for step in STEPS:
        span = spans[f"digits_r1_{step}"]
        assert (span["release"], span["step"]) == ("digits_r1", step)
        assert span["parent_id"] == spans["digits_r1"]["span_id"]
        assert span["queue_start_ns"] <= span["compute_start_ns"] < span["compute_end_ns"]
    assert _supervisor(stack, f"/traces/{plain}").status_code == 404


def test_an_untraced_request_through_the_gateway_has_no_waterfall(gateway: httpx.Client) -> None:
    # One in a hundred is traced by chance: with five there is one that is not.
    answers = [
        gateway.post("/v1/predict/digits", content=pictures.seven_jpeg(), headers=JPEG)
        for _ in range(5)
    ]
    statuses = {
        gateway.get(f"/v1/requests/{answer.headers['X-Request-Id']}/waterfall").status_code
        for answer in answers
    }
    assert 404 in statuses


def test_the_samples_count_what_was_sent(gateway: httpx.Client) -> None:
    def requests() -> float:
        (server,) = gateway.get("/v1/admin/monitoring").json()["servers"]
        at = server["fields"].index("requests")
        rows = [sample["models"].get("digits_r1_model") for sample in server["samples"]]
        return float(sum(row[at] for row in rows if row))

    deadline = time.monotonic() + 30
    while not requests():  # the first sample that knows the model
        assert time.monotonic() < deadline, "no sample came"
        time.sleep(0.2)
    before, sent = requests(), 40
    for _ in range(sent):
        gateway.post("/v1/predict/digits", content=pictures.seven_jpeg(), headers=JPEG)
    while requests() < before + sent:
        assert time.monotonic() < deadline, "they were not counted"
        time.sleep(0.2)
    # Canaries are counted too, one each second.
    assert requests() <= before + sent + 30


def test_prometheus_own_linter_takes_the_metrics(gateway: httpx.Client) -> None:
    gateway.post("/v1/predict/digits", content=pictures.seven_jpeg(), headers=JPEG)
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=gateway.get("/metrics").content,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr.decode()
    assert checked.stderr == b""


def test_no_process_writes_a_key_or_a_picture_into_its_log(
    gateway: httpx.Client, stack: LocalStack
) -> None:
    image = pictures.seven_jpeg()
    for headers in (JPEG, {**JPEG, "X-Trace": "1"}, {**JPEG, "X-API-Key": "tri_mistyped"}):
        for content in (image, image[:-40], b"no picture at all"):
            gateway.post("/v1/predict/digits", content=content, headers=headers)
    written = b"".join(file.read_bytes() for file in (stack.state_dir / "logs").iterdir())
    ui_key = (stack.state_dir / "ui.key").read_text().strip()

    assert b"gateway.access" in written
    for secret in (stack.admin_key, ui_key, "tri_mistyped", "no picture at all"):
        assert secret.encode() not in written
    assert image[100:140] not in written


def test_prometheus_3_takes_what_each_of_them_answers(
    stack: LocalStack, gateway: httpx.Client
) -> None:
    # It knows three media types, and fails a scrape with another one, or none:
    # https://prometheus.io/docs/prometheus/latest/migration/#scrape-protocols
    answers = [
        gateway.get("/metrics"),
        _supervisor(stack, "/metrics"),
        httpx.get(stack.triton["metrics"], trust_env=False),
    ]

    kinds = {answer.headers["Content-Type"].partition(";")[0] for answer in answers}
    assert kinds == {"text/plain"}
