"""The tensor contract: names, dtypes, shapes, item states and the wire form of BYTES.

Standard library only, because the gateway reads it too. A test compares it with every config.pbtxt.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from python_backends.shared.errors import ContractBroken


class Status(IntEnum):
    """What became of one item. Triton's unit of error is the request, ours is the item."""

    OK = 0
    TRUNCATED = 1  # answered, but only the first part of the input was looked at
    UNDECODABLE = 2  # the bytes do not hold what they should
    TOO_LARGE = 3  # more pixels, or more bytes of text, than the pipeline accepts
    UNSUPPORTED_FORMAT = 4  # a known format, but not one that the pipeline takes
    HARMFUL = 5  # it ended, or held up, the process that looked at it

    @property
    def is_answered(self) -> bool:
        """Whether LABEL and SCORE hold an answer; otherwise they are blank."""
        return self in {Status.OK, Status.TRUNCATED}


@dataclass(frozen=True)
class TensorSpec:
    """One tensor as config.pbtxt declares it; the batch dimension comes on top.

    A dimension of -1 is fixed per release (image size, tokens, classes), never per request.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]


IMAGE: Final = TensorSpec("IMAGE", "BYTES", (1,))  # one encoded image
TEXT: Final = TensorSpec("TEXT", "BYTES", (1,))  # one text, UTF-8
PIXELS: Final = TensorSpec("PIXELS", "UINT8", (-1, -1, 3))  # height, width, RGB
INPUT_IDS: Final = TensorSpec("INPUT_IDS", "INT64", (-1,))  # token ids, padded to a fixed length
ATTENTION_MASK: Final = TensorSpec("ATTENTION_MASK", "INT64", (-1,))  # 1 token, 0 padding
LOGITS: Final = TensorSpec("LOGITS", "FP32", (-1,))  # one per class, unbounded
LABEL: Final = TensorSpec("LABEL", "BYTES", (-1,))  # UTF-8, highest score first
SCORE: Final = TensorSpec("SCORE", "FP32", (-1,))  # softmax probability, 0 to 1
STATUS: Final = TensorSpec("STATUS", "UINT8", (1,))  # a Status


@dataclass(frozen=True)
class StepContract:
    """What goes in and out of one kind of Triton model."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class Task(StrEnum):
    """What a pipeline does; each task has steps of the same names with tensors of its own."""

    IMAGE_CLASSIFICATION = "image-classification"
    TEXT_CLASSIFICATION = "text-classification"


STEP_NAMES: Final = ("", "preprocess", "model", "postprocess")  # the empty one is the ensemble
ITEM_OF: Final = {Task.IMAGE_CLASSIFICATION: IMAGE, Task.TEXT_CLASSIFICATION: TEXT}
_ANSWER: Final = (LABEL, SCORE, STATUS)


def _pipeline(item: TensorSpec, *model_inputs: TensorSpec) -> dict[str, StepContract]:
    return {
        "": StepContract((item,), _ANSWER),
        "preprocess": StepContract((item,), (*model_inputs, STATUS)),
        "model": StepContract(model_inputs, (LOGITS,)),
        "postprocess": StepContract((LOGITS, STATUS), _ANSWER),
    }


PIPELINES: Final = {
    Task.IMAGE_CLASSIFICATION: _pipeline(IMAGE, PIXELS),
    Task.TEXT_CLASSIFICATION: _pipeline(TEXT, INPUT_IDS, ATTENTION_MASK),
}

_LENGTH: Final = struct.Struct("<I")


def encode_bytes_tensor(items: Iterable[bytes]) -> bytes:
    """Lay BYTES elements out as the protocol does: each behind its length, 4 bytes little-endian.

    Source: KServe v2 binary tensor extension, "raw_input_contents" in grpc_service.proto.
    """
    return b"".join(part for item in items for part in (_LENGTH.pack(len(item)), item))


def decode_bytes_tensor(raw: bytes | memoryview, at_most: int | None = None) -> list[bytes]:
    """Take the elements of a BYTES tensor apart again.

    Args:
        raw: The tensor; a view of a larger body saves a copy of it.
        at_most: How many elements it may have; a stranger's millions of empty ones are not read.

    Raises:
        ContractBroken: a length reaches past the end, or there are more elements than that.
    """
    items: list[bytes] = []
    position = 0
    while position < len(raw):
        if len(items) == at_most:
            raise ContractBroken(f"a BYTES tensor has more than {at_most} elements")
        body = position + _LENGTH.size
        if body > len(raw):
            raise ContractBroken("a BYTES tensor ends inside a length prefix")
        position = body + _LENGTH.unpack_from(raw, position)[0]
        if position > len(raw):
            raise ContractBroken("a BYTES tensor ends inside an element")
        items.append(bytes(raw[body:position]))
    return items


@dataclass(frozen=True)
class ItemAnswer:
    """What the ensemble says of one item: labels and scores, highest first, or a refusal."""

    status: Status
    labels: tuple[str, ...]
    scores: tuple[float, ...]  # softmax probabilities, 0 to 1


ANSWER_TENSORS: Final = tuple(spec.name for spec in _ANSWER)


def decode_answers(raw: Mapping[str, bytes], items: int) -> list[ItemAnswer]:
    """Read the ensemble's raw outputs; the wire is little-endian.

    Args:
        raw: LABEL, SCORE and STATUS as raw_output_contents carries them.
        items: The batch size.

    Raises:
        ContractBroken: a tensor is missing, or the sizes do not fit together.
    """
    try:
        states = raw[STATUS.name]
        labels = [label.decode() for label in decode_bytes_tensor(raw[LABEL.name])]
        scores = struct.unpack(f"<{len(labels)}f", raw[SCORE.name])
        if len(states) != items or not labels or len(labels) % items:
            raise ContractBroken(f"{items} items got {len(states)} states, {len(labels)} labels")
        return [
            _item_answer(Status(state), labels[row], scores[row])
            for state, row in zip(states, _rows(len(labels), items), strict=True)
        ]
    except (KeyError, ValueError, struct.error, UnicodeDecodeError) as exc:
        raise ContractBroken(f"the answer cannot be read: {exc!r}") from exc


def _rows(length: int, items: int) -> list[slice]:
    width = length // items
    return [slice(item * width, (item + 1) * width) for item in range(items)]


def _item_answer(status: Status, labels: Sequence[str], scores: Sequence[float]) -> ItemAnswer:
    if not status.is_answered:
        return ItemAnswer(status, (), ())
    return ItemAnswer(status, tuple(labels), tuple(scores))
