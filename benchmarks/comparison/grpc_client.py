"""Ways to ask Triton over gRPC: with the pictures in the message, or in shared memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.comparison.load import AnswerFailed
from python_backends.shared.contract import IMAGE, Task, encode_bytes_tensor
from triptych.client.triton_wire import CHANNEL_OPTIONS, build_item_request, read_answers

_METHOD: Final = "/inference.GRPCInferenceService/ModelInfer"
# A connection each: channels to one address would otherwise share one.
_OPTIONS: Final = (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1))
_ADMIN_HEADER: Final = "triton-grpc-protocol-admin-key"


def make_requests(release: str, batches: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Every request that clients will send, serialised."""
    task = Task.IMAGE_CLASSIFICATION
    return [build_item_request(release, task, batch).SerializeToString() for batch in batches]


def _first_labels(response: Any, items: int) -> list[str]:  # noqa: ANN401 - protobuf has no types
    answers = read_answers(response, items)
    if not all(answer.status.is_answered for answer in answers):
        raise AnswerFailed(f"STATUS {[int(answer.status) for answer in answers]}")
    return [answer.labels[0] for answer in answers]


class GrpcClient:
    """One channel, with the pictures in the message."""

    def __init__(self, address: str, requests: Sequence[bytes], batch: int) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._infer = self._channel.unary_unary(
            _METHOD,
            request_serializer=None,
            response_deserializer=service_pb2.ModelInferResponse.FromString,
        )
        self._requests = requests
        self._batch = batch

    async def ask(self, number: int) -> list[str]:
        """As `load.Client` has it."""
        response = await self._infer(self._requests[number % len(self._requests)])
        return _first_labels(response, self._batch)

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close(None)


class SharedMemoryClient:
    """One channel and one region of system shared memory, into which each picture is copied."""

    def __init__(
        self, address: str, admin_key: str, release: str, pictures: Sequence[bytes]
    ) -> None:
        self._name = f"triptych-bench-{os.getpid()}-{id(self)}"
        self._file = Path("/dev/shm") / self._name  # noqa: S108 - shared memory is there
        self._tensors = [encode_bytes_tensor([picture]) for picture in pictures]
        self._size = max(map(len, self._tensors))
        self._release = release
        self._admin = ((_ADMIN_HEADER, admin_key),)
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._memory: mmap.mmap | None = None

    async def _open(self) -> mmap.mmap:
        with self._file.open("w+b") as file:
            file.truncate(self._size)
            memory = mmap.mmap(file.fileno(), self._size)
        request = service_pb2.SystemSharedMemoryRegisterRequest(
            name=self._name, key=f"/{self._name}", offset=0, byte_size=self._size
        )
        await self._stub.SystemSharedMemoryRegister(request, metadata=self._admin)
        return memory

    async def ask(self, number: int) -> list[str]:
        """As `load.Client` has it."""
        if self._memory is None:
            self._memory = await self._open()
        tensor = self._tensors[number % len(self._tensors)]
        self._memory[: len(tensor)] = tensor
        described = service_pb2.ModelInferRequest.InferInputTensor(
            name=IMAGE.name, datatype=IMAGE.dtype, shape=[1, *IMAGE.shape]
        )
        described.parameters["shared_memory_region"].string_param = self._name
        described.parameters["shared_memory_byte_size"].int64_param = len(tensor)
        request = service_pb2.ModelInferRequest(model_name=self._release, inputs=[described])
        return _first_labels(await self._stub.ModelInfer(request), 1)

    async def close(self) -> None:
        """Give the region back and hang up."""
        if self._memory is not None:
            request = service_pb2.SystemSharedMemoryUnregisterRequest(name=self._name)
            await self._stub.SystemSharedMemoryUnregister(request, metadata=self._admin)
            self._memory.close()
        self._file.unlink(missing_ok=True)
        await self._channel.close(None)
