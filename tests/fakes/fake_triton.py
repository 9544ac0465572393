"""A small real gRPC server that answers as Triton does: per item, or not at all, or wrongly.

Twin: the integration tests send the same requests to the real server.
"""

from __future__ import annotations

import json
import math
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from tritonclient.grpc import model_config_pb2, service_pb2

from python_backends.shared.contract import (
    LABEL,
    PIXELS,
    SCORE,
    STATUS,
    ItemAnswer,
    Status,
    decode_bytes_tensor,
    encode_bytes_tensor,
)

_SERVICE: Final = "inference.GRPCInferenceService"
_UNLIMITED: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
)
# Of an image that a preprocess step has prepared: height, width, channels.
PREPARED_SHAPE: Final = (2, 3, 3)
_NO_ITEM: Final = ItemAnswer(Status.UNDECODABLE, (), ())

# The generated protobuf classes carry no types.
InferRequest = Any
InferResponse = Any


def ranked(*labels: str, status: Status = Status.OK) -> ItemAnswer:
    """An answer with these labels, highest first; scores are 1/2, 1/4, ... (exact in FP32)."""
    return ItemAnswer(status, labels, tuple(0.5 ** (rank + 1) for rank in range(len(labels))))


def refused(status: Status) -> ItemAnswer:
    """What the preprocess step says of content it does not take."""
    return ItemAnswer(status, (), ())


@dataclass
class FakeTriton:
    """What the server will do, and what it was asked."""

    width: int = 10
    """k of the release: labels per item."""
    answers: dict[bytes, ItemAnswer] = field(default_factory=dict)
    """By the bytes of the image or text; anything else is undecodable."""
    answers_of: dict[str, dict[bytes, ItemAnswer]] = field(default_factory=dict)
    """What a release answers otherwise, by its name."""
    prepared: dict[bytes, bytes] = field(default_factory=dict)
    """What a preprocess step makes of an image; any other one gets its status from `answers`."""
    hung: set[str] = field(default_factory=set)
    """Releases that do not answer as long as they are in here."""
    refusal: tuple[grpc.StatusCode, str] | None = None
    """Answer every inference with this code and text."""
    judge: Callable[[InferRequest], tuple[grpc.StatusCode, str] | None] = lambda _: None
    """The same, decided for each inference by itself."""
    spoil: Callable[[InferResponse], None] = lambda _: None
    """Make a good response a bad one before it is sent."""
    asked: list[InferRequest] = field(default_factory=list)
    """Every ModelInferRequest, in the order they came."""
    loaded: list[str] = field(default_factory=list)
    """The models of every RepositoryModelLoad."""
    overrides: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Model and configuration of every RepositoryModelLoad that had one."""
    unloaded: list[str] = field(default_factory=list)
    """The models of every RepositoryModelUnload."""
    load_refusal: tuple[grpc.StatusCode, str] | None = None
    """Answer every load with this code and text."""
    unload_refusal: tuple[grpc.StatusCode, str] | None = None
    """Answer every unload with this code and text."""
    metadata: list[dict[str, str]] = field(default_factory=list)
    """The gRPC metadata of every ModelInferRequest."""
    statistics: list[Any] = field(default_factory=list)
    """ModelStatistics of each loaded model."""
    inferences_counted: int | None = None
    """What ModelStatistics tells of one model instead, each of them with 100 ns in the queue."""
    unready: set[str] = field(default_factory=set)
    """The models that ModelReady says are not ready."""
    address: str = ""
    """HOST:PORT, once it runs."""
    may_answer: threading.Event = field(default_factory=threading.Event)
    """Clear it, and no inference is answered until it is set again."""

    def forget(self) -> None:
        """Be as new: the next test knows nothing of the last one."""
        self.width, self.refusal, self.spoil = 10, None, lambda _: None
        self.judge = lambda _: None
        self.answers_of, self.prepared, self.hung = {}, {}, set()
        self.answers, self.asked, self.loaded, self.inferences_counted = {}, [], [], None
        self.metadata, self.statistics = [], []
        self.overrides, self.unloaded, self.load_refusal = [], [], None
        self.unready, self.unload_refusal = set(), None
        self.may_answer.set()

    def images(self) -> list[bytes]:
        """Every image that came, over all requests."""
        return [item for request in self.asked for item in _items(request)]

    def asked_of(self, release: str) -> int:
        """How many requests for a release came."""
        return sum(request.model_name == release for request in self.asked)

    def texts(self) -> list[str]:
        """Every text that came, over all requests."""
        return [item.decode() for request in self.asked for item in _items(request)]

    def infer(self, request: InferRequest, context: grpc.ServicerContext) -> InferResponse:
        """ModelInfer."""
        self.asked.append(request)
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata()})
        while context.is_active() and not self._may_answer(request):
            pass
        refusal = self.refusal or self.judge(request)
        if refusal is not None:
            context.abort(*refusal)
        response = self._respond(request)
        self.spoil(response)
        return response

    def _may_answer(self, request: InferRequest) -> bool:
        if request.model_name not in self.hung:
            return self.may_answer.wait(timeout=0.01)
        time.sleep(0.01)
        return False

    def ready(self, request: Any, _: grpc.ServicerContext) -> Any:
        """ModelReady."""
        return service_pb2.ModelReadyResponse(ready=request.name not in self.unready)

    def count(self, request: Any, context: grpc.ServicerContext) -> Any:
        """ModelStatistics."""
        if self.refusal is not None:
            context.abort(*self.refusal)
        if self.inferences_counted is None:
            return service_pb2.ModelStatisticsResponse(model_stats=self.statistics)
        response, count = service_pb2.ModelStatisticsResponse(), self.inferences_counted
        counted = response.model_stats.add(name=request.name, version="1", inference_count=count)
        counted.inference_stats.queue.count, counted.inference_stats.queue.ns = count, 100 * count
        counted.batch_stats.add(batch_size=1).compute_infer.count = count
        return response

    def load(self, request: Any, context: grpc.ServicerContext) -> Any:
        """RepositoryModelLoad."""
        self.loaded.append(request.model_name)
        if "config" in request.parameters:
            config = json.loads(request.parameters["config"].string_param)
            self.overrides.append((request.model_name, config))
        if self.load_refusal is not None:
            context.abort(*self.load_refusal)
        return service_pb2.RepositoryModelLoadResponse()

    def unload(self, request: Any, context: grpc.ServicerContext) -> Any:
        """RepositoryModelUnload."""
        self.unloaded.append(request.model_name)
        if self.unload_refusal is not None:
            context.abort(*self.unload_refusal)
        return service_pb2.RepositoryModelUnloadResponse()

    def config(self, request: Any, _: grpc.ServicerContext) -> Any:
        """ModelConfig: of a step that takes one item."""
        config = model_config_pb2.ModelConfig(name=request.name, max_batch_size=32)
        config.input.add(name="X", data_type=model_config_pb2.TYPE_STRING, dims=[1])
        config.parameters["kept"].string_value = "as it is"
        return service_pb2.ModelConfigResponse(config=config)

    def _respond(self, request: InferRequest) -> InferResponse:
        response = service_pb2.ModelInferResponse(model_name=request.model_name, id=request.id)
        if request.model_name.endswith("_preprocess"):
            return self._with_pixels(response, _items(request))
        answers = {**self.answers, **self.answers_of.get(request.model_name, {})}
        return self._with_labels(response, [answers.get(it, _NO_ITEM) for it in _items(request)])

    def _with_pixels(self, response: InferResponse, items: list[bytes]) -> InferResponse:
        blank = bytes(math.prod(PREPARED_SHAPE))
        states = [
            Status.OK if item in self.prepared else self.answers.get(item, _NO_ITEM).status
            for item in items
        ]
        raw = {PIXELS: b"".join(self.prepared.get(item, blank) for item in items)}
        for tensor, content in {**raw, STATUS: bytes(states)}.items():
            shape = (len(items), *(PREPARED_SHAPE if tensor is PIXELS else (1,)))
            response.outputs.add(name=tensor.name, datatype=tensor.dtype, shape=shape)
            response.raw_output_contents.append(content)
        return response

    def _with_labels(self, response: InferResponse, found: list[ItemAnswer]) -> InferResponse:
        labels, scores = [], []
        for answer in found:
            blanks = self.width - len(answer.labels)
            labels += [*answer.labels, *[""] * blanks]
            scores += [*answer.scores, *[0.0] * blanks]
        raw = {
            LABEL: encode_bytes_tensor(label.encode() for label in labels),
            SCORE: struct.pack(f"<{len(scores)}f", *scores),
            STATUS: bytes(answer.status for answer in found),
        }
        for tensor, content in raw.items():
            shape = (len(found), 1 if tensor is STATUS else self.width)
            response.outputs.add(name=tensor.name, datatype=tensor.dtype, shape=shape)
            response.raw_output_contents.append(content)
        return response


def _items(request: InferRequest) -> list[bytes]:
    return decode_bytes_tensor(request.raw_input_contents[0])


def _live(_request: Any, _context: grpc.ServicerContext) -> Any:
    return service_pb2.ServerLiveResponse(live=True)


def _method(
    behaviour: Callable[..., Any], request: Any, response: Any
) -> grpc.RpcMethodHandler[Any, Any]:
    return grpc.unary_unary_rpc_method_handler(
        behaviour, request.FromString, response.SerializeToString
    )


def _methods(fake: FakeTriton) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    return {
        "ModelInfer": _method(
            fake.infer, service_pb2.ModelInferRequest, service_pb2.ModelInferResponse
        ),
        "ServerLive": _method(_live, service_pb2.ServerLiveRequest, service_pb2.ServerLiveResponse),
        "ModelReady": _method(
            fake.ready, service_pb2.ModelReadyRequest, service_pb2.ModelReadyResponse
        ),
        "ModelStatistics": _method(
            fake.count,
            service_pb2.ModelStatisticsRequest,
            service_pb2.ModelStatisticsResponse,
        ),
        "ModelConfig": _method(
            fake.config, service_pb2.ModelConfigRequest, service_pb2.ModelConfigResponse
        ),
        "RepositoryModelUnload": _method(
            fake.unload,
            service_pb2.RepositoryModelUnloadRequest,
            service_pb2.RepositoryModelUnloadResponse,
        ),
        "RepositoryModelLoad": _method(
            fake.load,
            service_pb2.RepositoryModelLoadRequest,
            service_pb2.RepositoryModelLoadResponse,
        ),
    }


@contextmanager
def running_triton() -> Iterator[FakeTriton]:
    """Serve on a free loopback port; every other method of the service is UNIMPLEMENTED."""
    fake = FakeTriton()
    fake.may_answer.set()
    server = grpc.server(ThreadPoolExecutor(64), options=_UNLIMITED)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, _methods(fake)),)
    )
    fake.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield fake
    finally:
        fake.hung.clear()
        fake.may_answer.set()
        server.stop(grace=None).wait()
