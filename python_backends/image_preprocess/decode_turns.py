"""One batch on its way: which picture waits, which decoder has which, what has come out."""

from __future__ import annotations

import select
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_backends.image_preprocess.decode_nursery import Nursery
from python_backends.image_preprocess.decoder import Decoder
from python_backends.image_preprocess.patience import Patience
from python_backends.shared.contract import Status


@dataclass(frozen=True)
class Turn:
    """One decoder at one picture."""

    decoder: Decoder
    nursery: Nursery  # the one that forked it
    item: int
    patience: Patience


class Batch:
    """Pictures on their way.

    Args:
        encoded: [N, 1], object, each element the bytes of one encoded image.
        shape: Of one picture's pixels, [H, W, 3].

    Attributes:
        pixels: [N, H, W, 3], uint8, zero until a decoder has answered.
        status: [N, 1], uint8, each a contract.Status.
        waiting: The items that nobody has begun.
        turns: The others, by the decoder's file descriptor.
    """

    def __init__(self, encoded: NDArray[Any], shape: tuple[int, ...]) -> None:
        self._encoded = encoded
        self.pixels = np.zeros((len(encoded), *shape), np.uint8)
        self.status = np.full((len(encoded), 1), Status.OK, np.uint8)
        self.waiting = deque(range(len(encoded)))
        self.turns: dict[int, Turn] = {}
        self._answers = select.poll()

    @property
    def next_image(self) -> bytes:
        """What waits first."""
        image: bytes = self._encoded[self.waiting[0], 0]
        return image

    def begin(self, decoder: Decoder, nursery: Nursery, patience: Patience) -> None:
        """What waited first is now this decoder's."""
        turn = Turn(decoder, nursery, self.waiting.popleft(), patience)
        self.turns[decoder.fileno()] = turn
        self._answers.register(decoder.fileno(), select.POLLIN)

    def wait(self) -> tuple[list[Turn], list[Turn]]:
        """Wait until something has to be done.

        Returns:
            The turns that have an answer, or whose decoder has ended; and those that have taken too
            long. Both are over.
        """
        look_seconds = min(turn.patience.seconds_to_next_look() for turn in self.turns.values())
        answered = [self._end(place) for place, _ in self._answers.poll(look_seconds * 1000)]
        due = [place for place, turn in self.turns.items() if turn.patience.is_over_now()]
        return answered, [self._end(place) for place in due]

    def _end(self, place: int) -> Turn:
        self._answers.unregister(place)
        return self.turns.pop(place)
