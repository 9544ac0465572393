"""Fit the ResNet-18 on small pictures first: it is fully convolutional, and they cost a tenth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torch.utils.data import Subset

from examples.digits.fitting import FreshPictures, learn, make_repeatable
from examples.digits.resnet18 import SIDE_PIXELS, ResNet18, make_resnet18, transform_to
from examples.digits.scans import Scans
from examples.digits.strokes import DigitShape


@dataclass(frozen=True)
class Stage:
    """A part of the training with pictures of one size; an epoch is one picture of each scan."""

    side_pixels: int
    epochs: int
    peak_learning_rate: float


# Chosen for half an hour on one thread that knows bfloat16. The last stage is what fits batch
# normalization and the width of strokes to the size that is served: three epochs of it at a third
# of this rate were not enough (96.8 % of the clean held-out scans).
STAGES: Final = (Stage(64, 45, 2e-3), Stage(128, 12, 1e-3), Stage(SIDE_PIXELS, 14, 8e-4))


def fit_in_stages(
    scans: Scans, shapes: list[DigitShape], *, stages: tuple[Stage, ...], seed: int
) -> ResNet18:
    """Train on these scans only, on one sequence of pictures that goes on from stage to stage.

    Args:
        scans: What to learn from.
        shapes: The same scans, traced.
        stages: Sizes, one after the other.
        seed: Fixes weights, order and pictures.

    Returns:
        The network in evaluation mode.
    """
    make_repeatable(seed)
    network = make_resnet18().train()
    epochs, shown = sum(stage.epochs for stage in stages), 0
    for stage in stages:
        print(f"{stage.epochs} epochs at {stage.side_pixels} pixels", flush=True)
        transform = transform_to(stage.side_pixels)
        pictures = FreshPictures(scans, shapes, epochs=epochs, seed=seed, transform=transform)
        coming = range(shown, shown + stage.epochs * len(scans))
        learn(network, Subset(pictures, coming), peak_learning_rate=stage.peak_learning_rate)
        shown = coming.stop
    return network.eval()
