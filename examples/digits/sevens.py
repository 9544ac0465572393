"""Sevens without a bar: nearly every writer of the scans drew one, half of the world does not."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from examples.digits.scans import FULL_INK, Scans
from examples.digits.strokes import shrink_pen, trace_lines

# A stroke that ends here, as a share of the digit's height, is a bar's end and not the stem's.
_HIGHEST_END: Final = 0.3
_LOWEST_END: Final = 0.8
# What is left has to look like a seven: as high as before, and with a roof of this width, both as
# a share of the former height. With less of a roof it is somebody's 1.
_LEAST_HEIGHT_LEFT: Final = 0.85
_LEAST_ROOF: Final = 0.36
_PEN_RADIUS: Final = 5.0
_NEIGHBOURS: Final = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])


def add_barless_sevens(train: Scans) -> Scans:
    """Add to training scans each of their sevens once more, its bar taken off.

    A copy keeps the row of the scan it was made from, so that it counts as that scan wherever
    sharing is checked.
    """
    sevens = train.take(np.flatnonzero(train.digits == 7))
    distance, is_good = trace_lines(sevens.images)
    images, rows = [], []
    for row in np.flatnonzero(is_good):
        line = take_bar_off(distance[row] == 0)
        if line is not None:
            stroke = ndimage.distance_transform_edt(~line)[None]
            images.append(shrink_pen(stroke, _PEN_RADIUS)[0] * FULL_INK)
            rows.append(sevens.rows[row])
    return Scans(
        np.concatenate([train.images, np.array(images, np.float32).reshape(-1, 8, 8)]),
        np.concatenate([train.digits, np.full(len(rows), 7, np.int64)]),
        np.concatenate([train.rows, np.array(rows, np.int64)]),
    )


def take_bar_off(line: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Remove the side strokes that end half-way down.

    Args:
        line: [S, S], bool, True on a line one pixel wide.

    Returns:
        What is left, or None if there was nothing to remove or it is no clear seven.
    """
    top, height = _extent(line)
    is_bar_end = _ends(line)
    is_bar_end[: round(top + _HIGHEST_END * height)] = False
    is_bar_end[round(top + _LOWEST_END * height) :] = False
    left = line.copy()
    for y, x in np.argwhere(is_bar_end):
        left &= ~_branch(line, int(y), int(x))
    return left if is_bar_end.any() and _is_clear_seven(left, height) else None


def _is_clear_seven(line: NDArray[np.bool_], height: int) -> bool:
    if not line.any() or ndimage.binary_fill_holes(line).sum() > line.sum():
        return False
    top, height_left = _extent(line)
    roof = np.flatnonzero(line[top : round(top + _HIGHEST_END * height)].any(axis=0))
    return height_left >= _LEAST_HEIGHT_LEFT * height and np.ptp(roof) >= _LEAST_ROOF * height


def _extent(line: NDArray[np.bool_]) -> tuple[int, int]:
    rows = np.flatnonzero(line.any(axis=1))
    return int(rows[0]), int(rows[-1] - rows[0] + 1)


def _ends(line: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return line & (_count_neighbours(line) == 1)


def _branch(line: NDArray[np.bool_], y: int, x: int) -> NDArray[np.bool_]:
    """Mark the pixels from an end of the line up to where it meets another."""
    is_meeting = line & (_count_neighbours(line) > 2)
    pieces, _ = ndimage.label(line & ~is_meeting, structure=np.ones((3, 3)))
    return pieces == pieces[y, x]


def _count_neighbours(line: NDArray[np.bool_]) -> NDArray[np.int64]:
    return ndimage.convolve(line.astype(np.int64), _NEIGHBOURS, mode="constant")
