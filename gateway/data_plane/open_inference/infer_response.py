"""Answers as the protocol writes them: one JSON object, and bytes behind it where asked for."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.data_plane.open_inference.infer_request import InferRequest, WantedOutput
from gateway.errors import ContractMismatch
from python_backends.shared.contract import LABEL, STATUS, ItemAnswer, encode_bytes_tensor

_DUMP: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
MODEL_VERSION: Final = "1"  # of every Triton model: a release's number is part of its name


@dataclass(frozen=True, slots=True)
class Origin:
    """Who answered."""

    model: str
    """As the request named it."""
    release: str
    arm: str
    """As the route calls the release."""
    top_k: int
    """Labels per item."""


@dataclass(frozen=True, slots=True)
class EncodedResponse:
    """A body, and where its JSON ends."""

    body: bytes
    json_length: int | None
    """None where it is JSON alone."""


def encode_response(
    by: Origin, request: InferRequest, answers: Sequence[ItemAnswer]
) -> EncodedResponse:
    """Lay the answers out as the request wants them.

    A refused item keeps its row: blank labels, scores of 0, and its STATUS.

    Raises:
        ContractMismatch: an answer is not as wide as the release's k, or a score is no number.
    """
    rows = [_row(answer, by.top_k) for answer in answers]
    tail: list[bytes] = []
    outputs = [_output(wanted, rows, by.top_k, tail) for wanted in request.outputs]
    document = {
        **({"id": request.id} if request.id else {}),
        "model_name": by.model,
        "model_version": MODEL_VERSION,
        "parameters": {"release": by.release, "arm": by.arm},
        "outputs": outputs,
    }
    try:
        head = _DUMP(document).encode()
    except ValueError as exc:
        raise ContractMismatch("Triton's answer holds a score that is no number") from exc
    return EncodedResponse(b"".join((head, *tail)), len(head) if tail else None)


def _row(answer: ItemAnswer, width: int) -> ItemAnswer:
    if not answer.status.is_answered:
        return ItemAnswer(answer.status, ("",) * width, (0.0,) * width)
    if not len(answer.labels) == len(answer.scores) == width:
        raise ContractMismatch(f"Triton answered {len(answer.labels)} labels, not {width}")
    return answer


def _output(
    wanted: WantedOutput, rows: list[ItemAnswer], top_k: int, tail: list[bytes]
) -> dict[str, object]:
    width = 1 if wanted.spec is STATUS else top_k
    described: dict[str, object] = {
        "name": wanted.spec.name,
        "datatype": wanted.spec.dtype,
        "shape": [len(rows), width],
    }
    if not wanted.is_binary:
        return described | {"data": _values(wanted, rows)}
    raw = _raw(wanted, rows)
    tail.append(raw)
    return described | {"parameters": {"binary_data_size": len(raw)}}


def _values(wanted: WantedOutput, rows: list[ItemAnswer]) -> list[object]:
    if wanted.spec is STATUS:
        return [int(row.status) for row in rows]
    if wanted.spec is LABEL:
        return [label for row in rows for label in row.labels]
    return [score for row in rows for score in row.scores]


def _raw(wanted: WantedOutput, rows: list[ItemAnswer]) -> bytes:
    if wanted.spec is STATUS:
        return bytes(row.status for row in rows)
    if wanted.spec is LABEL:
        return encode_bytes_tensor(label.encode() for row in rows for label in row.labels)
    return b"".join(struct.pack(f"<{len(row.scores)}f", *row.scores) for row in rows)
