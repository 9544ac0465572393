"""What the training script measured on digits_r1 is what a release of digits needs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.shipped_releases import certificate
from triptych.routing import ReleaseName

METRICS: dict[str, Any] = certificate(ReleaseName("digits", 1))["metrics"]


@pytest.mark.parametrize(
    ("measured_on", "images", "least"),
    [("held_out_clean", 599, 0.99), ("held_out_augmented", 5 * 599, 0.98), ("drawn", 60, 58 / 60)],
)
def test_digits_is_accurate_enough(measured_on: str, images: int, least: float) -> None:
    figures = METRICS[measured_on]
    confusion: list[list[int]] = figures["confusion"]

    assert sum(map(sum, confusion)) == figures["images"] == images
    assert sum(confusion[digit][digit] for digit in range(10)) == figures["correct"]
    assert figures["correct"] / images >= least


def test_a_third_of_the_scans_was_held_out() -> None:
    assert (METRICS["training_scans"], METRICS["held_out_scans"]) == (1198, 599)
