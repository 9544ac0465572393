"""What became of each item: its classes, or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.errors import (
    ContractMismatch,
    EmptyBody,
    HarmfulInput,
    ImageTooLarge,
    InvalidRequest,
    PayloadTooLarge,
    RejectedByModel,
    TextTooLarge,
    UndecodableImage,
    UndecodableText,
    UnsupportedImageFormat,
)
from python_backends.shared.contract import ItemAnswer, Status, Task

_IMAGE: Final = Task.IMAGE_CLASSIFICATION
_TEXT: Final = Task.TEXT_CLASSIFICATION
_HARMFUL: Final = (HarmfulInput, "it ends or holds up what looks at it, and is not tried again")
_REJECTION: Final[dict[tuple[Task, Status], tuple[type[RejectedByModel], str]]] = {
    (_IMAGE, Status.UNDECODABLE): (
        UndecodableImage,
        "the bytes are not a whole JPEG, PNG or WebP",
    ),
    (_IMAGE, Status.TOO_LARGE): (
        ImageTooLarge,
        "the image has more pixels than this pipeline accepts",
    ),
    (_IMAGE, Status.UNSUPPORTED_FORMAT): (
        UnsupportedImageFormat,
        "this image format is not taken; send a JPEG, PNG or WebP",
    ),
    (_TEXT, Status.UNDECODABLE): (UndecodableText, "the text is not UTF-8"),
    (_TEXT, Status.TOO_LARGE): (TextTooLarge, "the text is longer than this pipeline accepts"),
    (_IMAGE, Status.HARMFUL): _HARMFUL,
    (_TEXT, Status.HARMFUL): _HARMFUL,
}
_EMPTY: Final = {_IMAGE: "the file is empty", _TEXT: "the text is empty or blank"}


@dataclass(frozen=True)
class Answered:
    """The classes of one item, highest score first."""

    labels: tuple[str, ...]
    scores: tuple[float, ...]
    is_truncated: bool
    """Whether only the first part of the item was read."""


# Per item: its classes, or why there are none.
Outcome = Answered | InvalidRequest


def refuse_unasked(task: Task, item: bytes, max_image_bytes: int) -> InvalidRequest | None:
    """Say why an item is not worth asking Triton about, or None where it is."""
    if not item:
        return EmptyBody(_EMPTY[task])
    # How long a text may be, its release says: the pipeline itself looks.
    if task is _IMAGE and len(item) > max_image_bytes:
        return PayloadTooLarge(
            f"the file has {len(item)} bytes; at most {max_image_bytes} are accepted"
        )
    return None


def item_outcome(task: Task, answer: ItemAnswer, top_k: int) -> Outcome:
    """Cut an answer to so many classes, or turn a refusal into its error.

    Raises:
        ContractMismatch: the state is none that this task has.
    """
    if answer.status.is_answered:
        is_truncated = answer.status is Status.TRUNCATED
        return Answered(answer.labels[:top_k], answer.scores[:top_k], is_truncated)
    rejection = _REJECTION.get((task, answer.status))
    if rejection is None:
        raise ContractMismatch("Triton's answer holds a state that this task does not have")
    error, message = rejection
    return error(message)
