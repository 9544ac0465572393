"""Factories of networks that cannot become a release, and a pickle that would run code."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.export.checkpoints import ColourNet


class EigenNet(ColourNet):
    """Ends in an operator that ONNX has not."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 3, 24, 32] -> [N, 3]."""
        logits = super().forward(x)
        return torch.linalg.eigvalsh(logits[:, :, None] * logits[:, None, :])


class TwoAnswers(ColourNet):
    """Answers with two tensors."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[N, 3, 24, 32] -> two of [N, 3]."""
        logits = super().forward(x)
        return logits, logits


def raises() -> torch.nn.Module:
    """A factory that needs something that is not there."""
    raise ValueError("where is my configuration")


def no_module() -> str:
    """A factory of something else."""
    return "a string"


class Intruder:
    """Unpickling it writes a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return write_trace, (str(self._file),)


def write_trace(file: str) -> None:
    """What must never run."""
    Path(file).write_text("code of a checkpoint was run")


class Probabilities(ColourNet):
    """Ends in a softmax, as many tutorials have it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 3, 24, 32] -> [N, 3]."""
        return super().forward(x).softmax(dim=1)


class HiddenProbabilities(ColourNet):
    """A softmax that is not the last node: over the channels of a picture of one pixel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 3, 24, 32] -> [N, 3]."""
        return super().forward(x)[:, :, None, None].softmax(dim=1).flatten(1)


class HiddenSigmoid(ColourNet):
    """Classes that do not exclude each other, and a reshape behind them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 3, 24, 32] -> [N, 3]."""
        return super().forward(x)[:, :, None].sigmoid().flatten(1)


class OneOutput(ColourNet):
    """A regression."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 3, 24, 32] -> [N, 1]."""
        return super().forward(x)[:, :1]


class Neighbours(ColourNet):
    """Answers relative to the rest of the batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 3, 24, 32] -> [N, 3]."""
        logits = super().forward(x)
        return logits - logits.mean(dim=0)


def leaves() -> torch.nn.Module:
    """A script without its main guard."""
    raise SystemExit(0)
