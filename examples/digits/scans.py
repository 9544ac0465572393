"""The data: scikit-learn's 1,797 scans, and which of them training may never see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

DIGIT_WORDS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip
FULL_INK: Final = 16.0
# Written down rather than an option: a third that moves with the seed would not be held out.
_HELD_OUT_SEED: Final = 1797
_VALIDATION_SEED: Final = 8


@dataclass(frozen=True)
class Scans:
    """Some of the scans.

    `images` is [N, 8, 8], float32, 0 (paper) to 16 (ink); `digits` is [N], int64, 0 to 9; `rows`
    is [N], int64, where each scan stands in load_digits().
    """

    images: NDArray[np.float32]
    digits: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.digits)

    def take(self, rows: NDArray[np.int64]) -> Scans:
        """Pick scans by their position in this collection; `rows` is [M], int64, 0 to N - 1."""
        return Scans(self.images[rows], self.digits[rows], self.rows[rows])


@dataclass(frozen=True)
class Split:
    """`train` is two thirds; `held_out` is the rest and decides nothing but the final figures."""

    train: Scans
    held_out: Scans


def load_split() -> Split:
    """Load the scans and set a stratified third of them aside, always the same one.

    Raises:
        ValueError: a held-out scan also stands in the training part, pixel for pixel.
    """
    bunch = load_digits()
    scans = Scans(
        bunch.images.astype(np.float32),
        bunch.target.astype(np.int64),
        np.arange(len(bunch.target), dtype=np.int64),
    )
    train, held_out = _split(scans, 1 / 3, _HELD_OUT_SEED)
    if count_shared(train, held_out):
        raise ValueError("the held-out third shares scans with the training part")
    return Split(train, held_out)


def split_off_validation(train: Scans) -> Split:
    """Divide the training part once more, for choosing settings without the held-out third."""
    return Split(*_split(train, 0.2, _VALIDATION_SEED))


def count_shared(one: Scans, other: Scans) -> int:
    """Count the scans of `one` whose row or whose pixels are also found in `other`."""
    rows = set(other.rows.tolist())
    pictures = {image.tobytes() for image in other.images}
    return sum(
        row in rows or image.tobytes() in pictures
        for row, image in zip(one.rows.tolist(), one.images, strict=True)
    )


def _split(scans: Scans, share: float, seed: int) -> tuple[Scans, Scans]:
    kept, set_aside = train_test_split(
        np.arange(len(scans)), test_size=share, random_state=seed, stratify=scans.digits
    )
    return scans.take(np.sort(kept)), scans.take(np.sort(set_aside))
