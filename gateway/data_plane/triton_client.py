"""Triton as seen from outside: long-lived channels, our own requests, errors by gRPC code."""

from __future__ import annotations

import asyncio
import logging
from itertools import cycle
from typing import Any, Final

import grpc
from tritonclient.grpc import service_pb2

from gateway.data_plane.grpc_calls.call_errors import CallError
from gateway.data_plane.grpc_calls.channel import ChannelTls, GrpcChannel
from gateway.data_plane.prepared_image import read_prepared
from gateway.data_plane.servers.inference_call import InferenceCall
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
    decode_answers,
    encode_bytes_tensor,
)
from python_backends.shared.errors import ContractBroken

logger = logging.getLogger(__name__)

# Over one connection, 4 to 8 requests in flight were answered at two thirds of the pace in every
# other run (docs/adr/0012); a second one costs nothing.
_CONNECTIONS: Final = 2
_SERVICE: Final = "/inference.GRPCInferenceService/"

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

    def __init__(self, address: str, tls: ChannelTls | None = None) -> None:
        self._channels = [
            GrpcChannel(address, hung_seconds=_HUNG_SECONDS, tls=tls) for _ in range(_CONNECTIONS)
        ]
        self._next_channel = cycle(self._channels).__next__

    def is_reachable(self) -> bool:
        """Whether there are connections, or some are being made; makes them where there are none.

        Where the last try has failed a call would fail at once, although the server may be back.
        """
        reachable = [channel.is_reachable() for channel in self._channels]  # each of them is asked
        return all(reachable)

    async def close(self, grace_seconds: float) -> None:
        """End the channels, after giving calls that are on their way so long."""
        await asyncio.gather(*(channel.close(grace_seconds) for channel in self._channels))

    async def classify(self, call: InferenceCall) -> list[ItemAnswer]:
        """Send encoded images, or UTF-8 texts, as one request, untouched.

        Triton is told how long it may queue; the caller has its own clock.

        Returns:
            One answer per item, in order; a PreparedImage where the preprocess step was asked.

        Raises:
            InferenceError: the narrowest class that fits what Triton did.
        """
        timeout_seconds = call.seconds_left()
        request = _request(call)
        # A passed deadline does not stop an ensemble; this drops what still queues by then.
        request.parameters["timeout"].int64_param = max(1, int(timeout_seconds * 1_000_000))
        response = await self._infer(request, call)
        try:
            if call.step:
                return read_prepared(response, items=len(call.items))
            return decode_answers(_answer_tensors(response), items=len(call.items))
        except ContractBroken as exc:
            logger.error("Triton's answer breaks the contract release=%s: %s", call.release, exc)  # noqa: TRY400 - a traceback would say nothing more
            raise ContractMismatch("Triton's answer does not fit the contract") from exc

    async def statistics(self, release: str, *, timeout_seconds: float) -> ModelStatistics:
        """What Triton has counted of a release since it was loaded.

        Raises:
            InferenceError: the narrowest class that fits what Triton did.
        """
        request = service_pb2.ModelStatisticsRequest(name=release)
        try:
            async with asyncio.timeout(timeout_seconds):
                told = await self._ask("ModelStatistics", request, None)
        except TimeoutError as exc:
            raise InferenceTimeout("Triton did not answer in time") from exc
        except CallError as exc:
            raise _error(release, exc, is_late=False) from exc
        return read_statistics(service_pb2.ModelStatisticsResponse.FromString(told))

    # The generated protobuf classes carry no types.
    async def _infer(self, request: Any, call: InferenceCall) -> Any:  # noqa: ANN401 - protobuf has no types
        try:
            answer = await self._ask("ModelInfer", request, call.traceparent)
        except CallError as exc:
            is_late = asyncio.get_running_loop().time() >= call.deadline
            raise _error(call.release, exc, is_late=is_late) from exc
        return service_pb2.ModelInferResponse.FromString(answer)

    async def _ask(self, method: str, request: Any, traceparent: str | None) -> bytes:  # noqa: ANN401 - protobuf has no types
        message = request.SerializeToString()
        return await self._next_channel().call(_SERVICE + method, message, traceparent)


def _answer_tensors(response: Any) -> dict[str, bytes]:  # noqa: ANN401 - protobuf has no types
    outputs = zip(response.outputs, response.raw_output_contents, strict=False)
    return {tensor.name: content for tensor, content in outputs if tensor.name in ANSWER_TENSORS}


def _error(release: str, exc: CallError, *, is_late: bool) -> InferenceError:
    code = exc.code
    # What queued for too long, Triton drops as UNAVAILABLE: a passed deadline is that, whatever
    # code came.
    if is_late or code is grpc.StatusCode.DEADLINE_EXCEEDED:
        logger.info("Triton did not answer in time release=%s", release)
        return InferenceTimeout("Triton did not answer in time")
    # Triton's own text names paths and models; it goes to our log, not to the caller.
    logger.warning("Triton refused release=%s code=%s: %s", release, code.name, exc.details)
    error, message = _ERROR_OF_CODE.get(code, (InferenceFailed, "Triton failed to answer"))
    return error(message)


def _request(call: InferenceCall) -> Any:  # noqa: ANN401 - protobuf has no types
    spec = ITEM_OF[call.task]
    tensor = service_pb2.ModelInferRequest.InferInputTensor(
        name=spec.name, datatype=spec.dtype, shape=(len(call.items), *spec.shape)
    )
    return service_pb2.ModelInferRequest(
        model_name=call.model,
        id=call.request_id,
        inputs=[tensor],
        raw_input_contents=[encode_bytes_tensor(call.items)],
    )
