"""An inference request's body taken apart: JSON alone, JSON and a binary tensor, or bare bytes."""

from __future__ import annotations

from typing import Final

from gateway.data_plane.open_inference.infer_request import (
    MAX_HEADER_BYTES,
    Accepted,
    InferRequest,
)
from gateway.data_plane.open_inference.json_request import all_outputs, read_header
from gateway.data_plane.request_body import MAX_JSON_BYTES
from gateway.errors import InvalidInferRequest, PayloadTooLarge
from python_backends.shared.contract import decode_bytes_tensor
from python_backends.shared.errors import ContractBroken

LENGTH_HEADER: Final = "Inference-Header-Content-Length"
_MAX_LENGTH_DIGITS: Final = 18


def parse_infer_request(
    body: bytes, declared_length: str | None, accepted: Accepted
) -> InferRequest:
    """Understand a request, or refuse it.

    Args:
        body: As sent, after any Content-Encoding is undone.
        declared_length: Inference-Header-Content-Length; None where the body is JSON alone. "0" is
            Triton's raw binary request: the body is the one element itself.
        accepted: What the release takes.

    Raises:
        InvalidInferRequest: something about it is malformed, unknown or not offered here.
        PayloadTooLarge: the JSON has more bytes than accepted.
    """
    length = len(body) if declared_length is None else _length(declared_length, body)
    if declared_length is not None and length == 0:
        return InferRequest("", (body,), all_outputs(is_binary=True))
    most = MAX_JSON_BYTES if length == len(body) else MAX_HEADER_BYTES
    if length > most:
        raise PayloadTooLarge(f"the JSON has {length} bytes; at most {most} are accepted")
    header = read_header(body[:length], accepted)
    behind = len(body) - length
    if header.binary_size is None:
        if behind:
            raise InvalidInferRequest(f"{behind} bytes follow the JSON, and no input claims them")
        return InferRequest(header.id, header.items, header.outputs)
    if declared_length is None:
        raise InvalidInferRequest(f"binary_data_size needs the header {LENGTH_HEADER}")
    if header.binary_size != behind:
        raise InvalidInferRequest(
            f"binary_data_size is {header.binary_size}, but {behind} bytes follow the JSON"
        )
    return InferRequest(
        header.id, _elements(memoryview(body)[length:], header.count), header.outputs
    )


def _length(declared: str, body: bytes) -> int:
    if not (declared.isascii() and declared.isdigit() and len(declared) <= _MAX_LENGTH_DIGITS):
        raise InvalidInferRequest(f"{LENGTH_HEADER} is no number of bytes")
    length = int(declared)
    if length > len(body):
        raise InvalidInferRequest(
            f"{LENGTH_HEADER} is {length}, but the whole body has {len(body)} bytes"
        )
    return length


def _elements(raw: memoryview, count: int) -> tuple[bytes, ...]:
    try:
        elements = decode_bytes_tensor(raw, at_most=count)
    except ContractBroken as exc:
        raise InvalidInferRequest(f"the binary tensor cannot be read: {exc}") from exc
    if len(elements) != count:
        raise InvalidInferRequest(
            f"the binary tensor has {len(elements)} elements; shape says {count}"
        )
    return tuple(elements)
