"""What a direct gRPC client sees, and what it may not do."""

from __future__ import annotations

import grpc
import httpx
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.local_stack import LocalStack
from python_backends.shared.contract import Status, Task
from tests import pictures
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed


def test_a_batch_is_answered_item_by_item(stack: LocalStack) -> None:
    images = [pictures.seven_jpeg(), b"no image", pictures.bomb_png(), pictures.seven_jpeg()]
    with TritonConnection(stack.triton["grpc"]) as triton:
        answers = triton.classify(
            "digits_r1", Task.IMAGE_CLASSIFICATION, images, timeout_seconds=10
        )
    assert [answer.status for answer in answers] == [
        Status.OK,
        Status.UNDECODABLE,
        Status.TOO_LARGE,
        Status.OK,
    ]
    assert [answer.labels[:1] for answer in answers] == [("7",), (), (), ("7",)]


def test_a_batch_above_the_limit_is_refused(stack: LocalStack) -> None:
    with (
        TritonConnection(stack.triton["grpc"]) as triton,
        pytest.raises(CallFailed, match="INVALID_ARGUMENT"),
    ):
        triton.classify(
            "digits_r1", Task.IMAGE_CLASSIFICATION, [pictures.seven_jpeg()] * 33, timeout_seconds=10
        )


def test_model_control_needs_the_secret_over_grpc(stack: LocalStack) -> None:
    with grpc.insecure_channel(stack.triton["grpc"]) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refusal:
            stub.RepositoryModelUnload(
                service_pb2.RepositoryModelUnloadRequest(model_name="digits_r1"), timeout=5
            )
    assert "restricted" in str(refusal.value)


@pytest.mark.parametrize(
    "path", ["v2/repository/models/digits_r1/unload", "v2/systemsharedmemory/status", "v2/logging"]
)
def test_model_control_needs_the_secret_over_http(stack: LocalStack, path: str) -> None:
    url = f"{stack.triton['http']}/{path}"
    answers = [httpx.post(url, trust_env=False), httpx.get(url, trust_env=False)]
    assert 403 in {answer.status_code for answer in answers}
    assert 200 not in {answer.status_code for answer in answers}


def test_the_supervisor_lists_the_release_with_its_last_canary(stack: LocalStack) -> None:
    status = httpx.get(f"{stack.triton['supervisor']}/status", trust_env=False).json()
    assert status["ready"] is True
    assert status["triton"]["pid"] == stack.triton["pid"]
    release = status["releases"]["digits_r1"]
    assert release["state"] == "ready"
    assert release["max_batch_size"] >= 32
    assert release["last_canary"]
