"""Where the dice come from: one independent stream for each purpose, so that none is used twice."""

from __future__ import annotations

from enum import IntEnum

from numpy.random import Generator, SeedSequence, default_rng


class Purpose(IntEnum):
    """What random numbers are drawn for; training and the rest never share a stream."""

    ORDER = 1
    TRAINING = 2
    EVALUATION = 3
    VALIDATION = 4
    SAMPLES = 5
    GOLDEN = 6
    DRAWN = 7
    CALIBRATION = 8
    COMPARISON = 9


def dice(purpose: Purpose, *key: int) -> Generator:
    """Make the generator for one purpose and, within it, one place; `key` holds integers >= 0."""
    return default_rng(SeedSequence((int(purpose), *key)))
