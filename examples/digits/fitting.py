"""Fit the network: every picture is made on the spot and shown once."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from examples.digits.network import DigitNetwork
from examples.digits.pictures import TRANSFORM, training_input
from examples.digits.scans import Scans
from examples.digits.seeds import Purpose, dice
from examples.digits.strokes import DigitShape
from python_backends.shared.image_transform import ImageTransform

_BATCH: Final = 64
# One thread learns and one process makes pictures: fair to others on two cores, and repeatable.
_WORKERS: Final = 1
_THREADS: Final = 1
_PEAK_LEARNING_RATE: Final = 2e-2
_WEIGHT_DECAY: Final = 0.02
_LABEL_SMOOTHING: Final = 0.03


class FreshPictures(Dataset[tuple[Tensor, int]]):
    """`epochs` times all scans, in random order, each time as another picture.

    A picture depends on the seed and on its place in the sequence, not on which process makes it.
    """

    def __init__(
        self,
        scans: Scans,
        shapes: list[DigitShape],
        *,
        epochs: int,
        seed: int,
        transform: ImageTransform = TRANSFORM,
    ) -> None:
        self._scans, self._shapes, self._seed = scans, shapes, seed
        self._transform = transform
        rng = dice(Purpose.ORDER, seed)
        self._order = np.concatenate([rng.permutation(len(scans)) for _ in range(epochs)])

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        """Make one picture: [H, W, 3], uint8, RGB, as the transform sizes it; and its digit."""
        row = self._order[place]
        rng = dice(Purpose.TRAINING, self._seed, place)
        pixels = training_input(self._shapes[row], self._scans.images[row], rng, self._transform)
        return torch.from_numpy(pixels.copy()), int(self._scans.digits[row])


def fit(scans: Scans, shapes: list[DigitShape], *, epochs: int, seed: int) -> DigitNetwork:
    """Train on these scans only.

    Args:
        scans: What to learn from.
        shapes: The same scans, traced.
        epochs: How many pictures of each scan to show.
        seed: Fixes weights, order and pictures.

    Returns:
        The network in evaluation mode.
    """
    make_repeatable(seed)
    pictures = FreshPictures(scans, shapes, epochs=epochs, seed=seed)
    network = DigitNetwork().to(memory_format=torch.channels_last).train()
    learn(network, pictures, peak_learning_rate=_PEAK_LEARNING_RATE)
    return network.eval()


def make_repeatable(seed: int) -> None:
    """Fix what PyTorch does at random, and keep to one thread."""
    torch.manual_seed(seed)
    torch.set_num_threads(_THREADS)
    torch.set_flush_denormal(True)  # they slow a weight-decayed network down


def learn(
    network: nn.Module, pictures: Dataset[tuple[Tensor, int]], *, peak_learning_rate: float
) -> None:
    """Show each picture once, in order, along one rise and fall of the learning rate.

    Args:
        network: In training mode; [N, H, W, 3], uint8, RGB, to logits [N, 10], float32.
        pictures: [H, W, 3], uint8, RGB, all of one size, and 0 to 9.
        peak_learning_rate: Of AdamW, reached after 15 % of the way.
    """
    loader = DataLoader(pictures, batch_size=_BATCH, num_workers=_WORKERS, prefetch_factor=8)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak_learning_rate, total_steps=len(loader), pct_start=0.15
    )
    loss_function = nn.CrossEntropyLoss(label_smoothing=_LABEL_SMOOTHING)
    progress = _Progress(len(loader))
    for pixels, digits in loader:
        logits = network(pixels)
        loss = loss_function(logits, digits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress.count(loss.item(), (logits.argmax(dim=1) == digits).float().mean().item())


class _Progress:
    """Prints a line for every twentieth part of the way."""

    def __init__(self, steps: int) -> None:
        self._steps, self._every = steps, max(1, steps // 20)
        self._losses: list[float] = []
        self._hits: list[float] = []
        self._done, self._started = 0, time.monotonic()

    def count(self, loss: float, hits: float) -> None:
        self._done += 1
        self._losses.append(loss)
        self._hits.append(hits)
        if self._done % self._every and self._done != self._steps:
            return
        seconds = time.monotonic() - self._started
        print(
            f"  step {self._done:5d}/{self._steps}  loss {np.mean(self._losses):.3f}"
            f"  right {np.mean(self._hits):6.1%}  {seconds:4.0f} s",
            flush=True,
        )
        self._losses.clear()
        self._hits.clear()
