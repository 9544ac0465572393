"""Digit shape -> ink on a sheet: which pen, how large, where, how slanted. Pure but for dice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from examples.digits.strokes import FINENESS, SHAPE_SIDE, DigitShape

# What counts as ink where the digit's box is measured.
_INK: Final = 0.3
_FAR_AWAY: Final = 9.0
# Thinner than this in the model's 48 x 48 input a line is no longer seen.
_THINNEST_IN_48: Final = 1.0


@dataclass(frozen=True)
class Sheet:
    """The size of a picture, in pixels."""

    width: int
    height: int


def write_digit(shape: DigitShape, sheet: Sheet, rng: Generator) -> NDArray[np.float32]:
    """Write the digit once, with a random pen, size, place and slant.

    Args:
        shape: What to write.
        sheet: The size of the sheet.
        rng: The dice.

    Returns:
        [height, width], float32, 0 (paper) to 1 (full ink).
    """
    matrix, scale = _place(shape, sheet, rng)
    if shape.distance is not None and rng.random() < 0.7:
        source = _wobble(shape.distance, rng)
        distance = _project(source, sheet, matrix, outside=_FAR_AWAY)
        return _draw_with_pen(distance, sheet, scale, rng)
    if rng.random() < 0.3:
        return np.clip(_project(_wobble(shape.ink, rng), sheet, matrix, outside=0.0), 0, 1)
    # A level of the sharpened scan: the lower, the fatter the pen.
    crisp = _project(_wobble(shape.crisp, rng), sheet, matrix, outside=0.0)
    level, softness = rng.uniform(0.45, 0.7), rng.uniform(0.1, 0.4)
    return np.clip((crisp - level) / softness + 0.5, 0, 1).astype(np.float32)


def _place(shape: DigitShape, sheet: Sheet, rng: Generator) -> tuple[NDArray[np.float64], float]:
    """Choose size, place and slant, so that the whole digit is on the sheet.

    Returns:
        The 3 x 3 projection from points of the sheet to points of the shape, both in pixels, and
        how many of the sheet's pixels one scan pixel measures.
    """
    stretch = np.exp(rng.uniform(np.log(0.85), np.log(1.4)))
    angle, shear = np.radians(rng.uniform(-12, 12)), rng.uniform(-0.25, 0.2)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slanted = rotation @ np.array([[1, shear], [0, 1]]) @ np.diag([stretch, 1.0])

    corners = _corners(shape)
    reach = slanted @ corners
    extent = np.ptp(reach, axis=1)  # in fine pixels: width, height
    room = np.array([sheet.width, sheet.height])
    scale = min(rng.uniform(0.55, 0.95), 0.95 * room[0] / extent[0] * extent[1] / room[1])
    scale *= room[1] / extent[1]
    free = (room - extent * scale) / 2
    target = room / 2 + free * np.clip(rng.normal(0, 0.5, 2), -1, 1)

    backward = np.linalg.inv(slanted * scale)
    matrix = np.eye(3)
    matrix[:2, :2] = backward
    middle = (corners[:, 0] + corners[:, 3]) / 2
    matrix[:2, 2] = middle - backward @ target
    return _tilt(matrix, target, sheet, rng), scale * FINENESS * np.sqrt(stretch)


def _tilt(
    matrix: NDArray[np.float64], target: NDArray[np.float64], sheet: Sheet, rng: Generator
) -> NDArray[np.float64]:
    """Hold the camera a little askew; the digit's middle stays where it is."""
    slope = rng.uniform(-0.12, 0.12, 2) / (sheet.width, sheet.height)
    middle = matrix @ np.array([*target, 1.0])
    tilted = matrix + np.outer(middle, [*slope, -slope @ target])
    return tilted / tilted[2, 2]


def _corners(shape: DigitShape) -> NDArray[np.float64]:
    """Find the box around the ink: [2, 4], x and y of its corners, in fine pixels."""
    rows, columns = np.nonzero(shape.ink > _INK)
    left, right, top, bottom = columns.min(), columns.max(), rows.min(), rows.max()
    return np.array([[left, left, right, right], [top, bottom, top, bottom]], np.float64)


def _project(
    source: NDArray[np.float32], sheet: Sheet, matrix: NDArray[np.float64], outside: float
) -> NDArray[np.float32]:
    picture = Image.fromarray(source).transform(
        (sheet.width, sheet.height),
        Image.Transform.PERSPECTIVE,
        tuple(matrix.ravel()[:8]),
        Image.Resampling.BILINEAR,
        fillcolor=outside,
    )
    return np.asarray(picture)


def _wobble(source: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Bend a shape smoothly: no hand writes the same digit twice."""
    amplitude = rng.uniform(0, 0.28) * FINENESS
    bend = np.stack([smooth_noise(SHAPE_SIDE, SHAPE_SIDE, 4, rng) for _ in range(2)]) * amplitude
    grid = np.mgrid[:SHAPE_SIDE, :SHAPE_SIDE] + bend
    return ndimage.map_coordinates(source, grid, order=1, mode="nearest").astype(np.float32)


def _draw_with_pen(
    distance: NDArray[np.float32], sheet: Sheet, scale: float, rng: Generator
) -> NDArray[np.float32]:
    thinnest = _THINNEST_IN_48 / 48 * max(sheet.width, sheet.height) / scale
    pen = max(thinnest, np.exp(rng.uniform(np.log(0.3), np.log(1.4))))
    pressure = 1 + rng.uniform(0, 0.25) * smooth_noise(sheet.width, sheet.height, 4, rng)
    edge = max(1.0, rng.uniform(-0.2, 0.3) * scale)
    return np.clip((pen / 2 * pressure - distance) * scale / edge + 0.5, 0, 1).astype(np.float32)


def smooth_noise(width: int, height: int, cells: int, rng: Generator) -> NDArray[np.float32]:
    """Make noise that varies slowly: about `cells` hills along each side.

    Returns:
        [height, width], float32, about standard normal.
    """
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
