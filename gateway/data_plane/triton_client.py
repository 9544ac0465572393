"""Triton as seen from outside: long-lived channels, our own requests, errors by gRPC code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import cycle
from typing import Any, Final

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.data_plane.triton_statistics import ModelStatistics, read_statistics
from gateway.errors import (
    ContractMismatch,
    InferenceError,
    InferenceFailed,
    InferenceTimeout,
    InferenceUnavailable,
)
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

logger = logging.getLogger(__name__)

# Over one connection, 4 to 8 requests in flight were answered at two thirds of the pace in every
# other run (docs/adr/0012); a second one costs nothing.
_CONNECTIONS: Final = 2
_CHANNEL_OPTIONS: Final = (
    ("grpc.use_local_subchannel_pool", 1),  # or channels of the same address share a connection
    ("grpc.enable_http_proxy", 0),  # Triton is a neighbour; http_proxy is for the world outside
    # Pinging more often than every five minutes makes Triton end the connection (GOAWAY).
    ("grpc.keepalive_time_ms", 300_000),
    ("grpc.max_send_message_length", -1),  # bodies are limited where they come in
    ("grpc.max_receive_message_length", -1),
    # A request that killed a stub must not be sent again by a layer that cannot know.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 200),  # a server that is back is used within half a second
)

# A call whose gRPC deadline passes, or that is cancelled, can end the whole server: a race in
# Triton 2.51 (about one in 3000, SIGSEGV). So no call is, unless Triton hangs; who waits has a
# clock of their own, and Triton's queue is told the real time left.
_HUNG_SECONDS: Final = 120.0

_ERROR_OF_CODE: Final[dict[grpc.StatusCode, tuple[type[InferenceError], str]]] = {
    grpc.StatusCode.UNAVAILABLE: (InferenceUnavailable, "Triton does not take requests now"),
    grpc.StatusCode.NOT_FOUND: (InferenceUnavailable, "Triton does not have this release now"),
    grpc.StatusCode.INVALID_ARGUMENT: (ContractMismatch, "Triton refuses the shape of the request"),
}


class TritonClient:
    """Sends images and texts to one Triton. Build it inside the event loop that uses it."""

    def __init__(self, address: str) -> None:
        self._channels = [
            grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)
            for _ in range(_CONNECTIONS)
        ]
        stubs = [service_pb2_grpc.GRPCInferenceServiceStub(it) for it in self._channels]
        self._next_stub = cycle(stubs).__next__

    def is_reachable(self) -> bool:
        """Whether there are connections, or some are being made; makes them where there are none.

        In TRANSIENT_FAILURE a call would fail at once, although the server may be back.
        """
        states = [channel.get_state(try_to_connect=True) for channel in self._channels]
        return grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states

    async def close(self, grace_seconds: float) -> None:
        """End the channels, after giving calls that are on their way so long."""
        await asyncio.gather(*(channel.close(grace=grace_seconds) for channel in self._channels))

    async def classify(
        self,
        release: str,
        task: Task,
        items: Sequence[bytes],
        *,
        request_id: str,
        timeout_seconds: float,
        traceparent: str | None = None,
    ) -> list[ItemAnswer]:
        """Send encoded images, or UTF-8 texts, as one request, untouched.

        Args:
            release: The ensemble's name.
            task: What the release does, and so what an item is.
            items: One to max_batch_size encoded images or texts.
            request_id: Shows up in Triton's log and traces.
            timeout_seconds: How long it may queue in Triton; the caller has its own clock.
            traceparent: Makes Triton trace this request, whatever its flags say; None leaves it be.

        Returns:
            One answer per item, in order.

        Raises:
            InferenceError: the narrowest class that fits what Triton did.
        """
        request = _request(release, ITEM_OF[task], items, request_id)
        # A passed deadline does not stop an ensemble; this drops what still queues by then.
        request.parameters["timeout"].int64_param = max(1, int(timeout_seconds * 1_000_000))
        response = await self._infer(request, timeout_seconds, traceparent)
        try:
            return decode_answers(_answer_tensors(response), items=len(items))
        except ContractBroken as exc:
            logger.error("Triton's answer breaks the contract release=%s: %s", release, exc)  # noqa: TRY400 - a traceback would say nothing more
            raise ContractMismatch("Triton's answer does not fit the contract") from exc

    async def statistics(self, release: str, *, timeout_seconds: float) -> ModelStatistics:
        """What Triton has counted of a release since it was loaded.

        Raises:
            InferenceError: the narrowest class that fits what Triton did.
        """
        request = service_pb2.ModelStatisticsRequest(name=release)
        try:
            response = await self._next_stub().ModelStatistics(request, timeout=timeout_seconds)
        except grpc.aio.AioRpcError as exc:
            raise _error(release, exc, is_late=False) from exc
        return read_statistics(response)

    # The generated protobuf classes carry no types.
    async def _infer(
        self,
        request: Any,  # noqa: ANN401 - protobuf has no types
        timeout_seconds: float,
        traceparent: str | None,
    ) -> Any:  # noqa: ANN401 - protobuf has no types
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        metadata = (("traceparent", traceparent),) if traceparent else None
        try:
            call = self._next_stub().ModelInfer(request, timeout=_HUNG_SECONDS, metadata=metadata)
            return await call
        except grpc.aio.AioRpcError as exc:
            raise _error(request.model_name, exc, is_late=loop.time() >= deadline) from exc


def _answer_tensors(response: Any) -> dict[str, bytes]:  # noqa: ANN401 - protobuf has no types
    outputs = zip(response.outputs, response.raw_output_contents, strict=False)
    return {tensor.name: content for tensor, content in outputs if tensor.name in ANSWER_TENSORS}


def _error(release: str, exc: grpc.aio.AioRpcError, *, is_late: bool) -> InferenceError:
    code = exc.code()
    # What queued for too long, Triton drops as UNAVAILABLE: a passed deadline is that, whatever
    # code came.
    if is_late or code is grpc.StatusCode.DEADLINE_EXCEEDED:
        logger.info("Triton did not answer in time release=%s", release)
        return InferenceTimeout("Triton did not answer in time")
    # Triton's own text names paths and models; it goes to our log, not to the caller.
    logger.warning("Triton refused release=%s code=%s: %s", release, code.name, exc.details())
    error, message = _ERROR_OF_CODE.get(code, (InferenceFailed, "Triton failed to answer"))
    return error(message)


def _request(release: str, spec: TensorSpec, items: Sequence[bytes], request_id: str) -> Any:  # noqa: ANN401 - protobuf has no types
    tensor = service_pb2.ModelInferRequest.InferInputTensor(
        name=spec.name, datatype=spec.dtype, shape=(len(items), *spec.shape)
    )
    return service_pb2.ModelInferRequest(
        model_name=release,
        id=request_id,
        inputs=[tensor],
        raw_input_contents=[encode_bytes_tensor(items)],
    )
