"""What goes to Triton's gRPC and comes back: one home for channel, request and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import grpc
from tritonclient.grpc import service_pb2

from python_backends.shared.contract import (
    ANSWER_TENSORS,
    ITEM_OF,
    ItemAnswer,
    Task,
    TensorSpec,
    decode_answers,
    encode_bytes_tensor,
)
from python_backends.shared.errors import ContractBroken
from triptych.client.triton_tls import TritonTls

# Pinging more often than every five minutes makes Triton end the connection (GOAWAY).
CHANNEL_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 300_000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A request that killed a stub must not be sent again by a layer that cannot know.
    ("grpc.enable_retries", 0),
    # A proxy variable meant for the internet must not catch a Triton on loopback.
    ("grpc.enable_http_proxy", 0),
    # A Triton that was started anew is found at once, not after gRPC's own two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)
# Only for a server that hangs: a passed gRPC deadline can end the whole server (docs/adr/0015).
HUNG_SECONDS: Final = 120.0


def open_channel(
    address: str, options: Sequence[tuple[str, object]], tls: TritonTls | None
) -> grpc.Channel:
    """Open a channel to Triton's gRPC, in plain text where there is no `tls`.

    Raises:
        OSError: a file cannot be read.
    """
    if tls is None:
        return grpc.insecure_channel(address, options=options)
    credentials = grpc.ssl_channel_credentials(
        tls.ca_file.read_bytes(), tls.key_file.read_bytes(), tls.cert_file.read_bytes()
    )
    if tls.server_name is not None:
        options = (*options, ("grpc.ssl_target_name_override", tls.server_name))
    return grpc.secure_channel(address, credentials, options=options)


# The generated protobuf classes carry no types.
def build_request(
    model: str,
    tensors: Sequence[tuple[TensorSpec, bytes]],
    *,
    items: int = 1,
    request_id: str = "",
    timeout_seconds: float | None = None,
) -> Any:  # noqa: ANN401 - protobuf has no types
    """Build a ModelInferRequest.

    Args:
        model: Of a step, or an ensemble.
        tensors: Each input with its whole shape, without the batch, and its raw content.
        items: The batch size.
        request_id: Shows up in Triton's log and traces.
        timeout_seconds: How long it may queue in Triton; None is as the model says.
    """
    request = service_pb2.ModelInferRequest(
        model_name=model,
        id=request_id,
        inputs=[
            service_pb2.ModelInferRequest.InferInputTensor(
                name=spec.name, datatype=spec.dtype, shape=(items, *spec.shape)
            )
            for spec, _ in tensors
        ],
        raw_input_contents=[content for _, content in tensors],
    )
    if timeout_seconds is not None:
        request.parameters["timeout"].int64_param = max(1, int(timeout_seconds * 1_000_000))
    return request


def build_item_request(
    release: str,
    task: Task,
    items: Sequence[bytes],
    *,
    request_id: str = "",
    timeout_seconds: float | None = None,
) -> Any:  # noqa: ANN401 - protobuf has no types
    """Build the ModelInferRequest that classifies encoded images, or UTF-8 texts.

    Args:
        release: The ensemble, "digits_r1".
        task: What the release does, and so what an item is.
        items: One to max_batch_size encoded images or texts.
        request_id: As of `build_request`.
        timeout_seconds: As of `build_request`.
    """
    return build_request(
        release,
        [(ITEM_OF[task], encode_bytes_tensor(items))],
        items=len(items),
        request_id=request_id,
        timeout_seconds=timeout_seconds,
    )


def read_answers(response: Any, items: int) -> list[ItemAnswer]:  # noqa: ANN401 - protobuf has no types
    """Read a ModelInferResponse of an ensemble.

    Args:
        response: What came.
        items: The batch size of the request.

    Raises:
        ContractBroken: it does not fit the contract.
    """
    try:
        outputs = list(zip(response.outputs, response.raw_output_contents, strict=True))
    except ValueError as exc:
        raise ContractBroken("outputs and their contents differ in number") from exc
    raw = {tensor.name: content for tensor, content in outputs if tensor.name in ANSWER_TENSORS}
    return decode_answers(raw, items=items)
