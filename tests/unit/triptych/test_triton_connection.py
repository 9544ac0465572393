from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from python_backends.shared.contract import Task
from tests.fakes.fake_triton import ranked, running_triton
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed

NOBODY = "127.0.0.1:1"


@contextmanager
def refusing_to_load(details: str, metadata: list[tuple[str, Any]]) -> Iterator[str]:
    """A server that refuses every load with this text, and remembers what came with it."""

    def load(_: Any, context: grpc.ServicerContext) -> Any:
        metadata.extend((key, value) for key, value in context.invocation_metadata())
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, details)

    handler = grpc.unary_unary_rpc_method_handler(
        load,
        service_pb2.RepositoryModelLoadRequest.FromString,
        service_pb2.RepositoryModelLoadResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(
        "inference.GRPCInferenceService", {"RepositoryModelLoad": handler}
    )
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((service,))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield address
    finally:
        server.stop(grace=None).wait()


def test_a_refused_load_is_one_line_without_the_stubs_traceback() -> None:
    details = "load failed for\nmodel 'digits_r1': labels.txt holds no label\n\nAt:\n  /srv/x.py(7)"

    with (
        refusing_to_load(details, []) as address,
        TritonConnection(address) as connection,
        pytest.raises(CallFailed) as caught,
    ):
        connection.load("digits_r1", timeout_seconds=5)

    assert str(caught.value) == (
        "Triton cannot load digits_r1: load failed for model 'digits_r1': labels.txt holds no label"
    )


@pytest.mark.parametrize("secret", ["s3cret", None])
def test_the_admin_secret_goes_with_a_load_and_only_of_who_has_it(secret: str | None) -> None:
    metadata: list[tuple[str, Any]] = []

    with (
        refusing_to_load("no", metadata) as address,
        TritonConnection(address, secret) as connection,
        pytest.raises(CallFailed),
    ):
        connection.load("digits_r1", timeout_seconds=5)

    assert dict(metadata).get("triton-grpc-protocol-admin-key") == secret


def test_a_server_is_live_when_it_answers_and_nobody_is_not() -> None:
    with running_triton() as triton, TritonConnection(triton.address) as connection:
        assert connection.is_live(timeout_seconds=5)
    with TritonConnection(NOBODY) as connection:
        assert not connection.is_live(timeout_seconds=5)
        with pytest.raises(CallFailed, match=r"^Triton cannot load digits_r1: "):
            connection.load("digits_r1", timeout_seconds=5)


def test_several_images_travel_in_one_request_and_are_answered_in_order() -> None:
    with running_triton() as triton, TritonConnection(triton.address) as connection:
        triton.answers = {b"seven": ranked("7", "1"), b"": ranked("0")}

        answers = connection.classify(
            "digits_r1", Task.IMAGE_CLASSIFICATION, [b"seven", b"", b"text"], 5
        )

    assert [answer.labels[:1] for answer in answers] == [("7",), ("0",), ()]
    (request,) = triton.asked
    assert request.model_name == "digits_r1"
    assert [(item.name, item.datatype, list(item.shape)) for item in request.inputs] == [
        ("IMAGE", "BYTES", [3, 1])
    ]
