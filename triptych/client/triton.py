"""One Triton over gRPC, call by call: the way of the supervisor and of the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Any, Final

import grpc
from google.protobuf import json_format
from tritonclient.grpc import service_pb2, service_pb2_grpc

from python_backends.shared.contract import ItemAnswer, Task, TensorSpec
from python_backends.shared.errors import ContractBroken
from triptych.client.triton_tls import TritonTls
from triptych.client.triton_wire import (
    CHANNEL_OPTIONS,
    HUNG_SECONDS,
    build_item_request,
    build_request,
    open_channel,
    read_answers,
)
from triptych.errors import CallFailed, CallTimedOut

_ADMIN_HEADER: Final = "triton-grpc-protocol-admin-key"


@dataclass(frozen=True, slots=True)
class ModelCounts:
    """What one model has done since it was loaded; times are sums over its requests."""

    requests: int = 0
    """Answered ones."""
    items: int = 0
    executions: int = 0
    """Batches: items / executions is the mean batch size."""
    queue_ns: int = 0
    compute_ns: int = 0
    failures: int = 0


class Outcome(Enum):
    """What became of a call that nobody waits for."""

    PENDING = auto()
    ANSWERED = auto()
    REFUSED = auto()  # a full queue, or a server that ends
    FAILED = auto()


class TritonConnection:
    """One channel to one Triton; a context manager.

    Args:
        address: Triton's gRPC address, "127.0.0.1:8001".
        admin_secret: What the restricted model-control protocol asks for; only supervisors have it.
        tls: How to reach a Triton that takes mutual TLS alone; None is plain text.

    Raises:
        OSError: a file of `tls` cannot be read.
    """

    def __init__(
        self, address: str, admin_secret: str | None = None, tls: TritonTls | None = None
    ) -> None:
        self.address = address
        self._channel = open_channel(address, CHANNEL_OPTIONS, tls)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._calls: set[Any] = set()
        self._admin = ((_ADMIN_HEADER, admin_secret),) if admin_secret else ()

    def __enter__(self) -> TritonConnection:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the channel; calls in flight are cancelled."""
        self._channel.close()

    def is_live(self, timeout_seconds: float) -> bool:
        """Whether the server answers at all; it says nothing about any model."""
        try:
            call = self._start(self._stub.ServerLive, service_pb2.ServerLiveRequest())
            return bool(call.result(timeout=timeout_seconds).live)
        except (grpc.RpcError, grpc.FutureTimeoutError, CallFailed):
            return False

    def load(self, model: str, timeout_seconds: float, config: str | None = None) -> None:
        """Load one Triton model by name; an ensemble brings its steps.

        Args:
            model: Its name.
            timeout_seconds: How long to wait.
            config: Its whole configuration as JSON, in place of its config.pbtxt. One that differs
                from what is served makes Triton start the model anew.

        Raises:
            CallFailed: Triton refuses or does not answer in time.
        """
        request = service_pb2.RepositoryModelLoadRequest(model_name=model)
        if config is not None:
            request.parameters["config"].string_param = config
        self._control(self._stub.RepositoryModelLoad, request, timeout_seconds, f"load {model}")

    def unload(self, model: str, timeout_seconds: float, *, with_steps: bool = True) -> None:
        """Unload one Triton model, and of an ensemble the steps too.

        Args:
            model: Its name.
            timeout_seconds: How long to wait.
            with_steps: Without, steps stay that others use as well.

        Raises:
            CallFailed: Triton refuses or does not answer in time.
        """
        request = service_pb2.RepositoryModelUnloadRequest(model_name=model)
        request.parameters["unload_dependents"].bool_param = with_steps
        self._control(self._stub.RepositoryModelUnload, request, timeout_seconds, f"unload {model}")

    def _control(
        self,
        method: Any,  # noqa: ANN401 - the generated classes carry no types
        request: Any,  # noqa: ANN401 - likewise
        timeout_seconds: float,
        what: str,
    ) -> None:
        try:
            self._start(method, request, self._admin).result(timeout=timeout_seconds)
        except grpc.FutureTimeoutError as exc:
            waited = f"{timeout_seconds:g} seconds"
            raise CallFailed(f"Triton did not {what} within {waited}") from exc
        except grpc.RpcError as exc:
            # Where a stub raised, the traceback follows; Triton's log has it.
            reason = " ".join((exc.details() or "").partition("\n\nAt:")[0].split())
            raise CallFailed(f"Triton cannot {what}: {reason}") from exc

    def model_config(self, model: str, timeout_seconds: float) -> dict[str, Any]:
        """The configuration as served, defaults written out, in the JSON that `load` takes.

        Raises:
            CallFailed: Triton refuses or does not answer in time.
        """
        request = service_pb2.ModelConfigRequest(name=model)
        answer = self._answer(self._stub.ModelConfig, request, timeout_seconds, "configuration")
        # By way of text: MessageToDict would hand out protobuf's own types.
        text = json_format.MessageToJson(answer.config, preserving_proto_field_name=True)
        return dict(json.loads(text))

    def statistics(self, timeout_seconds: float) -> dict[str, ModelCounts]:
        """What every loaded model has done so far, in one call.

        Raises:
            CallFailed: Triton refuses or does not answer in time.
        """
        request = service_pb2.ModelStatisticsRequest()
        answer = self._answer(self._stub.ModelStatistics, request, timeout_seconds, "statistics")
        return {model.name: _counts(model) for model in answer.model_stats}

    def _answer(self, method: Any, request: Any, timeout_seconds: float, what: str) -> Any:  # noqa: ANN401 - the generated classes carry no types
        try:
            return self._start(method, request).result(timeout=timeout_seconds)
        except grpc.FutureTimeoutError as exc:
            raise CallTimedOut(f"Triton has no {what}: DEADLINE_EXCEEDED") from exc
        except grpc.RpcError as exc:
            raise CallFailed(f"Triton has no {what}: {exc.code().name}") from exc

    def start_inference(
        self, model: str, tensors: Sequence[tuple[TensorSpec, bytes]]
    ) -> Callable[[], Outcome]:
        """Send one item to any model, and leave it; what comes back tells what became of it.

        Args:
            model: Of a step, or an ensemble.
            tensors: Each input with its whole shape, without the batch, and its raw content.
        """
        request = build_request(model, tensors)
        call = self._start(self._stub.ModelInfer, request)
        return lambda: _outcome(call)

    def classify(
        self, model: str, task: Task, items: Sequence[bytes], timeout_seconds: float
    ) -> list[ItemAnswer]:
        """Send encoded images, or UTF-8 texts, as one request.

        Args:
            model: The release's ensemble, "digits_r1".
            task: What the release does, and so what an item is.
            items: One to max_batch_size encoded images or texts.
            timeout_seconds: The deadline of the call.

        Returns:
            One answer per item, in order.

        Raises:
            CallFailed: Triton refuses, fails or does not answer in time.
        """
        request = build_item_request(model, task, items)
        try:
            response = self._start(self._stub.ModelInfer, request).result(timeout=timeout_seconds)
            return read_answers(response, items=len(items))
        except grpc.FutureTimeoutError as exc:
            waited = f"{timeout_seconds:g} seconds"
            raise CallTimedOut(f"{model}: DEADLINE_EXCEEDED: no answer within {waited}") from exc
        except grpc.RpcError as exc:
            raise CallFailed(f"{model}: {exc.code().name}: {exc.details()}") from exc
        except ContractBroken as exc:
            raise CallFailed(f"{model} answered against the contract: {exc}") from exc

    # The generated protobuf classes carry no types.
    def _start(self, method: Any, request: Any, metadata: Any = ()) -> Any:  # noqa: ANN401 - protobuf has no types
        """Begin a call that whoever waits for it may leave be: see docs/adr/0015."""
        try:
            call = method.future(request, timeout=HUNG_SECONDS, metadata=metadata)
        except ValueError as exc:  # so says gRPC when another thread has closed the channel
            raise CallFailed(f"Triton cannot be asked any more: {exc}") from exc
        self._calls.add(call)  # gRPC cancels a call that nobody holds
        call.add_done_callback(self._calls.discard)
        return call


def _outcome(call: Any) -> Outcome:  # noqa: ANN401 - protobuf has no types
    if not call.done():
        return Outcome.PENDING
    if call.code() is grpc.StatusCode.OK:
        return Outcome.ANSWERED
    is_refused = call.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}
    return Outcome.REFUSED if is_refused else Outcome.FAILED


def _counts(model: Any) -> ModelCounts:  # noqa: ANN401 - protobuf has no types
    sums = model.inference_stats
    return ModelCounts(
        requests=sums.success.count,
        items=model.inference_count,
        executions=model.execution_count,
        queue_ns=sums.queue.ns,
        compute_ns=sums.compute_input.ns + sums.compute_infer.ns + sums.compute_output.ns,
        failures=sums.fail.count,
    )
