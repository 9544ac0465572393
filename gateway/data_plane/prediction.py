"""From images to answers: admit, ask Triton, and say for each item what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.errors import (
    EmptyBody,
    ImageTooLarge,
    InvalidRequest,
    Overloaded,
    PayloadTooLarge,
    RejectedByModel,
    UndecodableImage,
    UnsupportedImageFormat,
)
from gateway.metrics import GatewayMetrics
from gateway.request_context import record, request_id
from python_backends.shared.contract import ItemAnswer, Status

_REJECTION: Final[dict[Status, tuple[type[RejectedByModel], str]]] = {
    Status.UNDECODABLE: (UndecodableImage, "the bytes are not a whole JPEG, PNG or WebP"),
    Status.TOO_LARGE: (ImageTooLarge, "the image has more pixels than this pipeline accepts"),
    Status.UNSUPPORTED_FORMAT: (
        UnsupportedImageFormat,
        "this image format is not taken; send a JPEG, PNG or WebP",
    ),
}


class Classifier(Protocol):
    """What a predictor needs of Triton."""

    async def classify_images(
        self, release: str, images: Sequence[bytes], request_id: str
    ) -> list[ItemAnswer]:
        """Answer one batch; see TritonClient."""


@dataclass(frozen=True)
class LabelledScore:
    """One class of one answer."""

    label: str
    score: float


# Per image: its classes, highest score first, or why there are none.
Outcome = tuple[LabelledScore, ...] | InvalidRequest


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

    async def classify(self, release: str, images: Sequence[bytes], *, top_k: int) -> list[Outcome]:
        """Classify images as one batch.

        Args:
            release: The ensemble's name.
            images: One to max_batch_size encoded images.
            top_k: How many classes to keep, at most the release's own k.

        Returns:
            One outcome per image, in order; a bad image fails alone.

        Raises:
            InferenceError: Triton did not answer.
        """
        outcomes = [self._refusal(image) for image in images]
        sent = [image for image, refusal in zip(images, outcomes, strict=True) if refusal is None]
        answers = iter(await self._ask(release, sent) if sent else [])
        return [refusal or _outcome(next(answers), top_k) for refusal in outcomes]

    def _refusal(self, image: bytes) -> InvalidRequest | None:
        if not image:
            return EmptyBody("the file is empty")
        if len(image) > self._max_image_bytes:
            return PayloadTooLarge(
                f"the file has {len(image)} bytes; at most {self._max_image_bytes} are accepted"
            )
        return None

    async def _ask(self, release: str, images: Sequence[bytes]) -> list[ItemAnswer]:
        started = time.perf_counter()
        try:
            return await self._triton.classify_images(release, images, request_id.get())
        finally:
            seconds = time.perf_counter() - started
            record.get().triton_ms = seconds * 1000
            self._metrics.triton_seconds.labels(release).observe(seconds)


def _outcome(answer: ItemAnswer, top_k: int) -> Outcome:
    if answer.status.is_answered:
        pairs = zip(answer.labels[:top_k], answer.scores[:top_k], strict=True)
        return tuple(LabelledScore(label, score) for label, score in pairs)
    error, message = _REJECTION[answer.status]
    return error(message)
