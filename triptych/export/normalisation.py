"""Pixels as they travel <-> the numbers that the trained network takes. Pure, arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Normalisation:
    """value = pixel * scale + offset, per channel, in the network's order of channels and axes.

    Attributes:
        channels: Which of red (0), green (1), blue (2) each channel of the network is: (0, 1, 2)
            RGB, (2, 1, 0) BGR, (0,) for a network without colour, whose pixels are grey already.
        scale: One per channel of the network.
        offset: One per channel of the network.
        is_channels_first: Whether the network takes [N, C, H, W] and not [N, H, W, C].
    """

    channels: tuple[int, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    is_channels_first: bool = True

    @classmethod
    def of(
        cls,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        *,
        rescale: float = 1 / 255,
        channels: tuple[int, ...] = (0, 1, 2),
        is_channels_first: bool = True,
    ) -> Normalisation:
        """(pixel * rescale - mean) / std, as torchvision's Normalize writes it."""
        scale = tuple(rescale / deviation for deviation in std)
        offset = tuple(-average / deviation for average, deviation in zip(mean, std, strict=True))
        return cls(channels, scale, offset, is_channels_first)

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the network takes.

        Args:
            pixels: [N, H, W, 3], uint8, RGB.

        Returns:
            [N, C, H, W] or [N, H, W, C], float32.
        """
        chosen = pixels[..., list(self.channels)].astype(np.float32)
        scale, offset = self._arrays()
        values: NDArray[np.float32] = chosen * scale + offset
        return values.transpose(0, 3, 1, 2) if self.is_channels_first else values

    def undo(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring what the network takes back to 0 to 255.

        Args:
            values: [N, C, H, W] or [N, H, W, C], float32.

        Returns:
            [N, H, W, C], float32, in the network's order of channels.
        """
        last = values.transpose(0, 2, 3, 1) if self.is_channels_first else values
        scale, offset = self._arrays()
        pixels: NDArray[np.float32] = (last - offset) / scale
        return pixels

    def _arrays(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.array(self.scale, np.float32), np.array(self.offset, np.float32)
