"""Decode a batch in child processes, so that no picture can take the stub down."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from python_backends.image_preprocess.decode_limits import DecodeLimits
from python_backends.image_preprocess.decode_nursery import Nursery
from python_backends.image_preprocess.decode_turns import Batch, Turn
from python_backends.image_preprocess.decoder_main import DecodeJob
from python_backends.image_preprocess.patience import Patience
from python_backends.shared.contract import Status

logger = logging.getLogger(__name__)

# More decoders that end before they look at a picture, in one batch, than an accident explains.
_FALSE_STARTS: Final = 8


class DecodersUnavailable(Exception):
    """Decoders end as soon as they are there: the batch cannot be answered."""


class DecodePool:
    """A nursery and its decoders, of which one more than can work is kept as a spare.

    Args:
        job: What the decoders do.
        limits: How many, how long.

    Raises:
        ModelAssetError: they do not start.
    """

    def __init__(self, job: DecodeJob, limits: DecodeLimits) -> None:
        self._job = job
        self._limits = limits
        self._nursery = Nursery(job)
        # The last one is used next: its memory is warm, and what nobody needs stays small.
        self._idle = [self._nursery.first]
        self._false_starts = 0
        self._fill_up(working=0)

    def decode_images(self, encoded: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Decode every image of a batch.

        Args:
            encoded: [N, 1], object, each element the bytes of one encoded image.

        Returns:
            Pixels [N, H, W, 3], uint8, RGB, zero where an image was refused; and states [N, 1],
            uint8, each a contract.Status: HARMFUL where a decoder died or took too long.

        Raises:
            DecodersUnavailable: no decoder lives long enough to begin.
        """
        batch = Batch(encoded, self._job.shape)
        self._false_starts = 0
        try:
            while batch.waiting or batch.turns:
                while batch.waiting and len(batch.turns) < self._limits.processes:
                    self._begin(batch)
                answered, overdue = batch.wait()
                for turn in answered:
                    self._finish(batch, turn)
                for turn in overdue:
                    self._blame(batch, turn, "it took too long")
        finally:
            for turn in batch.turns.values():  # there are some only after an error of ours
                turn.decoder.close()
        return batch.pixels, batch.status

    def close(self) -> None:
        """End every process."""
        for decoder in self._idle:
            decoder.close()
        self._idle.clear()
        self._nursery.close()

    def _begin(self, batch: Batch) -> None:
        """Give the next picture to a decoder; a dead one is put aside, and the picture waits."""
        if not self._idle:
            self._fill_up(len(batch.turns))
        decoder, image = self._idle.pop(), batch.next_image
        try:
            decoder.begin(image)
        except OSError as exc:
            decoder.close()
            self._false_start(exc)
            self._fill_up(len(batch.turns))
            return
        more_seconds = partial(self._limits.more_seconds, image)
        patience = Patience(decoder, self._limits.deadline_seconds, more_seconds)
        batch.begin(decoder, self._nursery, patience)

    def _finish(self, batch: Batch, turn: Turn) -> None:
        """Take an answer, or learn that there is none."""
        try:
            status, complaint = turn.decoder.finish(batch.pixels[turn.item])
        except OSError as exc:
            self._blame(batch, turn, exc)
            return
        if complaint:
            logger.error("an image was refused for what may be an error of ours: %s", complaint)
        batch.status[turn.item] = status
        self._idle.append(turn.decoder)

    def _blame(self, batch: Batch, turn: Turn, reason: object) -> None:
        """End a decoder; its picture is harmful if it was looked at, and waits again if not."""
        has_begun = turn.decoder.has_begun
        turn.decoder.close()
        if has_begun and not turn.nursery.has_ended:
            batch.status[turn.item] = Status.HARMFUL
            logger.warning("an image was harmful, its decoder is replaced: %s", reason)
        else:
            batch.waiting.appendleft(turn.item)
            self._false_start(reason)
        self._fill_up(len(batch.turns))

    def _false_start(self, reason: object) -> None:
        self._false_starts += 1
        logger.warning("a decoder was lost before it began: %s", reason)
        if self._false_starts > self._limits.processes + _FALSE_STARTS:
            raise DecodersUnavailable(f"no decoder lives long enough to begin: {reason}")

    def _fill_up(self, working: int) -> None:
        """Have as many as may work, and a spare, without waiting for the new ones."""
        if self._nursery.has_ended:
            logger.warning("the nursery of the decoders has ended and is started again")
            for decoder in self._idle:
                decoder.close()
            self._nursery.close()
            self._nursery = Nursery(self._job)
            self._idle = [self._nursery.first]
        while working + len(self._idle) < self._limits.processes + 1:
            self._idle.insert(0, self._nursery.fork())
