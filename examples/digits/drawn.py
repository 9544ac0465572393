"""Sixty digits drawn as in a paint program: a test by other means, never trained on.

It is not quite blind any more: a first model took three of its plain sevens for ones, which is why
sevens.py exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from examples.digits.drawn_shapes import SHAPES, Shape, Stroke
from examples.digits.pictures import encode_picture
from examples.digits.seeds import Purpose, dice

Colour = tuple[int, int, int]
_STEPS_PER_SPAN: Final = 12


@dataclass(frozen=True)
class Look:
    """One person's way of drawing: canvas, pen, colours, and where and how large they write."""

    size: tuple[int, int]  # width, height, pixels
    pen_pixels: int
    ink: Colour
    paper: Colour
    height_share: float  # of the canvas
    width_to_height: float
    slant: float  # sideways per height, positive leans to the right
    centre: tuple[float, float]  # share of width and height
    is_smooth: bool  # whether the program smooths edges
    file_format: str


LOOKS: Final = (
    Look((280, 280), 18, (0, 0, 0), (255, 255, 255), 0.7, 0.6, 0.0, (0.5, 0.5), False, "PNG"),
    Look((400, 300), 7, (25, 40, 120), (250, 244, 226), 0.7, 0.55, 0.2, (0.46, 0.5), True, "JPEG"),
    Look((220, 320), 15, (240, 240, 232), (32, 74, 56), 0.6, 0.66, 0.08, (0.52, 0.47), True, "PNG"),
    Look((128, 128), 15, (200, 24, 32), (255, 247, 190), 0.8, 0.65, 0.05, (0.5, 0.5), False, "PNG"),
    Look((640, 480), 16, (88, 88, 92), (236, 236, 234), 0.55, 0.62, -0.1, (0.4, 0.5), True, "WEBP"),
    Look((96, 120), 6, (255, 221, 64), (20, 28, 84), 0.66, 0.7, 0.14, (0.54, 0.5), True, "JPEG"),
)  # fmt: skip


@dataclass(frozen=True)
class DrawnDigit:
    """One of the sixty, as the file that the paint program saved."""

    name: str
    digit: int
    encoded: bytes


def draw_all() -> list[DrawnDigit]:
    """Draw digits 0 to 9, six times each: three shapes by two people."""
    drawings = []
    for digit, shapes in SHAPES.items():
        for number, look in enumerate(LOOKS):
            rng = dice(Purpose.DRAWN, digit, number)
            pixels = draw_digit(shapes[number % len(shapes)], look, rng)
            encoded = encode_picture(pixels, look.file_format, quality=80)
            drawings.append(DrawnDigit(f"{digit}-{number}", digit, encoded))
    return drawings


def draw_digit(shape: Shape, look: Look, rng: Generator) -> NDArray[np.uint8]:
    """Draw one digit with an unsteady hand: [H, W, 3], uint8, RGB."""
    fineness = 4 if look.is_smooth else 1
    width, height = look.size[0] * fineness, look.size[1] * fineness
    image = Image.new("RGB", (width, height), look.paper)
    pen = look.pen_pixels * fineness
    for stroke in shape:
        path = _steady_or_not(stroke, rng)
        _draw_path(image, _on_canvas(path, look, width, height), pen, look.ink)
    if look.is_smooth:
        image = image.resize(look.size, Image.Resampling.BOX)
    return np.asarray(image)


def _steady_or_not(stroke: Stroke, rng: Generator) -> NDArray[np.float64]:
    """Miss each point by a hair and join them; the answer is [M, 2], x and y, about 0 to 1."""
    points = np.array(stroke.points) + rng.normal(0, 0.012, (len(stroke.points), 2))
    return _smooth_curve(points) if stroke.is_curve else points


def _smooth_curve(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lead a curve through points, [K, 2] to [M, 2].

    Source: the uniform spline of E. Catmull and R. Rom, "A class of local interpolating splines",
    1974.
    """
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, _STEPS_PER_SPAN, endpoint=False)[:, None]
    spans = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        linear = end - before
        square = 2 * before - 5 * start + 4 * end - after
        cube = 3 * start - before - 3 * end + after
        spans.append(start + 0.5 * (linear * t + square * t**2 + cube * t**3))
    return np.vstack([*spans, points[-1:]])


def _on_canvas(
    path: NDArray[np.float64], look: Look, width: int, height: int
) -> list[tuple[float, float]]:
    digit_height = look.height_share * height
    down = (path[:, 1] - 0.5) * digit_height
    across = (path[:, 0] - 0.5) * digit_height * look.width_to_height - look.slant * down
    x, y = look.centre[0] * width + across, look.centre[1] * height + down
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _draw_path(image: Image.Image, path: list[tuple[float, float]], pen: int, ink: Colour) -> None:
    draw = ImageDraw.Draw(image)
    draw.line(path, fill=ink, width=pen, joint="curve")
    for x, y in path:  # a pen is round: ImageDraw cuts ends off square and notches wide bends
        draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=ink)
