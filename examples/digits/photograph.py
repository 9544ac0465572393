"""Ink on a sheet -> the photograph somebody takes of it: colours, light, lens, sensor, file."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from examples.digits.handwriting import Sheet, smooth_noise, write_digit
from examples.digits.strokes import DigitShape

# Rec. 601 luma, as JPEG weighs the colours.
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
# Small, because everything ends as 48 x 48 and large pictures take long to make.
_SMALLEST_SIDE: Final = 36
_LARGEST_SIDE: Final = 140
_LEAST_CONTRAST: Final = 0.42


@dataclass(frozen=True)
class Colours:
    """Paper and ink, each [3], float32, RGB, 0 to 1."""

    paper: NDArray[np.float32]
    ink: NDArray[np.float32]


def take_photograph(shape: DigitShape, rng: Generator) -> NDArray[np.uint8]:
    """Write a digit on some paper with some pen and photograph it.

    Returns:
        [H, W, 3], uint8, RGB; the longer side 36 to 140 pixels, from 1:2 to 2:1.
    """
    longer = np.exp(rng.uniform(np.log(_SMALLEST_SIDE), np.log(_LARGEST_SIDE)))
    shorter = longer * np.exp(-min(abs(rng.normal(0, 0.3)), np.log(2)))
    width, height = (longer, shorter) if rng.random() < 0.5 else (shorter, longer)
    return photograph_sheet(shape, Sheet(round(width), round(height)), choose_colours(rng), rng)


def photograph_sheet(
    shape: DigitShape, sheet: Sheet, colours: Colours, rng: Generator
) -> NDArray[np.uint8]:
    """Write a digit on a sheet of this size in these colours: [H, W, 3], uint8, RGB."""
    ink = write_digit(shape, sheet, rng)[:, :, None]
    paper = _rule_lines(np.broadcast_to(colours.paper, (sheet.height, sheet.width, 3)), rng)
    picture = paper + ink * rng.uniform(0.85, 1) * (colours.ink - paper)
    return _expose(picture * _light(sheet, rng), rng)


def choose_colours(rng: Generator) -> Colours:
    """Choose paper and ink that can be told apart; ink is the darker of them six times in ten."""
    while True:
        light = _colour(rng, value=(0.6, 1.0), saturation=0.5)
        dark = _colour(rng, value=(0.0, 0.75), saturation=1.0)
        if float(_LUMA @ (light - dark)) >= _LEAST_CONTRAST:
            return Colours(light, dark) if rng.random() < 0.6 else Colours(dark, light)


def _colour(
    rng: Generator, *, value: tuple[float, float], saturation: float
) -> NDArray[np.float32]:
    # Squared, because most paper and most ink is nearly grey.
    rgb = colorsys.hsv_to_rgb(rng.random(), saturation * rng.random() ** 2, rng.uniform(*value))
    return np.array(rgb, np.float32)


def _rule_lines(paper: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Print faint lines or squares on one sheet in eight."""
    paper = paper.copy()
    if rng.random() > 0.125:
        return paper
    distance = max(4, round(paper.shape[0] * rng.uniform(0.12, 0.4)))
    start = int(rng.integers(distance))
    tint = paper * rng.uniform(0.8, 0.92) + rng.uniform(0.0, 0.06)
    paper[start::distance] = tint[start::distance]
    if rng.random() < 0.5:
        paper[:, start::distance] = tint[:, start::distance]
    return paper


def _light(sheet: Sheet, rng: Generator) -> NDArray[np.float32]:
    """Light the sheet unevenly: from one side, darker corners, sometimes a shadow's edge.

    Returns:
        [H, W, 1], float32, the factor for each pixel, about 0.5 to 1.1.
    """
    y, x = np.mgrid[: sheet.height, : sheet.width].astype(np.float32)
    x, y = x / sheet.width - 0.5, y / sheet.height - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    light = 1 - rng.uniform(0, 0.5) * (along + 0.35)
    light *= 1 - rng.uniform(0, 0.5) * (x**2 + y**2)
    if rng.random() < 0.15:
        steps = (along - rng.uniform(-0.4, 0.4)) / rng.uniform(0.02, 0.2)
        light *= 1 - rng.uniform(0.1, 0.35) / (1 + np.exp(-steps))
    light *= 1 + rng.uniform(0, 0.04) * smooth_noise(sheet.width, sheet.height, 8, rng)
    return light[:, :, None].astype(np.float32)


def _expose(picture: NDArray[np.float32], rng: Generator) -> NDArray[np.uint8]:
    """Blur a little, add the sensor's noise; `picture` is [H, W, 3], float32, 0 to 1."""
    height, width, _ = picture.shape
    exposed = np.clip(picture * rng.uniform(0.8, 1.1), 0, 1)
    image = Image.fromarray((exposed * 255).astype(np.uint8))
    if rng.random() < 0.6:
        radius = rng.uniform(0, 0.013) * min(height, width)
        image = image.filter(ImageFilter.GaussianBlur(radius))
    noise = rng.standard_normal((height, width, 3), dtype=np.float32)
    if rng.random() < 0.5:
        noise = noise[:, :, :1]  # grains of brightness only
    noisy = np.asarray(image) + noise * (255 * 0.05 * rng.random() ** 2)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)
