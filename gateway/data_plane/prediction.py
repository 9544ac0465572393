"""From images or texts to answers: admit, ask Triton, and say for each item what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.errors import (
    ContractMismatch,
    EmptyBody,
    ImageTooLarge,
    InvalidRequest,
    Overloaded,
    PayloadTooLarge,
    RejectedByModel,
    TextTooLarge,
    UndecodableImage,
    UndecodableText,
    UnsupportedImageFormat,
)
from gateway.metrics import GatewayMetrics
from gateway.request_context import record, request_id
from python_backends.shared.contract import ItemAnswer, Status, Task

_IMAGE: Final = Task.IMAGE_CLASSIFICATION
_TEXT: Final = Task.TEXT_CLASSIFICATION
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
}
_EMPTY: Final = {_IMAGE: "the file is empty", _TEXT: "the text is empty or blank"}


class Classifier(Protocol):
    """What a predictor needs of Triton."""

    async def classify(
        self, release: str, task: Task, items: Sequence[bytes], request_id: str
    ) -> list[ItemAnswer]:
        """Answer one batch; see TritonClient."""


@dataclass(frozen=True)
class LabelledScore:
    """One class of one answer."""

    label: str
    score: float


@dataclass(frozen=True)
class Answered:
    """The classes of one item, highest score first."""

    scores: tuple[LabelledScore, ...]
    is_truncated: bool
    """Whether only the first part of the item was read."""


# Per item: its classes, or why there are none.
Outcome = Answered | InvalidRequest


class Predictor:
    """Asks Triton, bounded in how much at once."""

    def __init__(
        self,
        triton: Classifier,
        metrics: GatewayMetrics,
        *,
        max_in_flight: int,
        max_image_bytes: int,
    ) -> None:
        self._triton = triton
        self._metrics = metrics
        self._max_in_flight = max_in_flight
        self._max_image_bytes = max_image_bytes
        self._in_flight = 0

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place while a request's body is read and answered.

        Raises:
            Overloaded: all places are taken.
        """
        if self._in_flight >= self._max_in_flight:
            raise Overloaded("too many requests are in flight; try again in a second")
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)

    async def classify(
        self, release: str, task: Task, items: Sequence[bytes], *, top_k: int
    ) -> list[Outcome]:
        """Classify images or texts as one batch.

        Args:
            release: The ensemble's name.
            task: What the release does, and so what an item is.
            items: One to max_batch_size encoded images or UTF-8 texts.
            top_k: How many classes to keep, at most the release's own k.

        Returns:
            One outcome per item, in order; a bad item fails alone.

        Raises:
            InferenceError: Triton did not answer.
        """
        refusals = [self._refusal(task, item) for item in items]
        sent = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
        answers = iter(await self._ask(release, task, sent) if sent else [])
        return [refusal or _outcome(task, next(answers), top_k) for refusal in refusals]

    async def answer(self, release: str, task: Task, items: Sequence[bytes]) -> list[ItemAnswer]:
        """Answer items as the release does, unjudged; for open_inference/answered_items.py."""
        return await self._ask(release, task, items)

    def _refusal(self, task: Task, item: bytes) -> InvalidRequest | None:
        if not item:
            return EmptyBody(_EMPTY[task])
        # How long a text may be, its release says: the pipeline itself looks.
        if task is _IMAGE and len(item) > self._max_image_bytes:
            return PayloadTooLarge(
                f"the file has {len(item)} bytes; at most {self._max_image_bytes} are accepted"
            )
        return None

    async def _ask(self, release: str, task: Task, items: Sequence[bytes]) -> list[ItemAnswer]:
        started = time.perf_counter()
        try:
            return await self._triton.classify(release, task, items, request_id.get())
        finally:
            seconds = time.perf_counter() - started
            record.get().triton_ms = seconds * 1000
            self._metrics.triton_seconds.labels(release).observe(seconds)


def _outcome(task: Task, answer: ItemAnswer, top_k: int) -> Outcome:
    if answer.status.is_answered:
        pairs = zip(answer.labels[:top_k], answer.scores[:top_k], strict=True)
        scores = tuple(LabelledScore(label, score) for label, score in pairs)
        return Answered(scores, is_truncated=answer.status is Status.TRUNCATED)
    rejection = _REJECTION.get((task, answer.status))
    if rejection is None:
        raise ContractMismatch("Triton's answer holds a state that this task does not have")
    error, message = rejection
    return error(message)
