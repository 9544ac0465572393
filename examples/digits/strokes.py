"""Scan -> the line its pen followed, so that the same digit can be written with any other pen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from examples.digits.scans import FULL_INK, Scans

# A shape is the 8 x 8 scan with two pixels of paper around it, six times finer.
FINENESS: Final = 6
MARGIN: Final = 2
SHAPE_SIDE: Final = (8 + 2 * MARGIN) * FINENESS
# Tried one after the other on every scan: how far to sharpen it, and above which ink is ink.
_SHARPENINGS: Final = (2.0, 4.0, 8.0)
_THRESHOLDS: Final = tuple(level / FULL_INK for level in (3, 5, 7, 9, 11))
_SHARPENING_SIGMA: Final = 5.0
# Pens to redraw with, in fine pixels, and how much a miss with each counts: a fat pen fits the
# plain strokes that people write for 1, but also the filled loops of 6 and 8, so it has to fit
# better.
_PENS: Final = ((4.0, 1.0), (5.0, 1.0), (7.0, 1.15), (9.0, 1.3))
# Root mean square of the ink by which a traced digit may miss its scan. Beyond it the line is often
# wrong: the filled loop of a small 6 becomes one stroke.
_LARGEST_MISS: Final = 1.9 / FULL_INK


@dataclass(frozen=True)
class DigitShape:
    """One scan, ready to be written anew.

    `ink` is [72, 72], float32, about 0 to 1, the scan smoothly enlarged; `crisp` the same with its
    small holes sharpened, so that they stay open at a threshold. `distance` is [72, 72], float32,
    from each point to the pen's line in scan pixels, or None where no line fits the scan.
    """

    ink: NDArray[np.float32]
    crisp: NDArray[np.float32]
    distance: NDArray[np.float32] | None


def enlarge(images: NDArray[np.float32], factor: int, margin: int = 0) -> NDArray[np.float32]:
    """Enlarge scans smoothly (bicubic).

    Args:
        images: [N, 8, 8], float32, 0 to 16.
        factor: How many times.
        margin: Scan pixels of paper to put around first.

    Returns:
        [N, S, S] with S = (8 + 2 * margin) * factor, float32, 0 to 1 and a little beyond.
    """
    padded = np.pad(images / FULL_INK, ((0, 0), (margin, margin), (margin, margin)))
    side = padded.shape[1] * factor
    return np.stack(
        [
            np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
            for image in padded.astype(np.float32)
        ]
    )


def trace_shapes(scans: Scans) -> list[DigitShape]:
    """Prepare every scan for being written anew."""
    ink = enlarge(scans.images, FINENESS, MARGIN)
    crisp = _sharpen(ink, _SHARPENINGS[0])
    distance, is_good = trace_lines(scans.images)
    # Skeletons have jagged edges.
    smooth = ndimage.gaussian_filter(distance / FINENESS, (0, 1, 1)).astype(np.float32)
    return [
        DigitShape(ink[row], crisp[row], smooth[row] if is_good[row] else None)
        for row in range(len(scans))
    ]


def trace_lines(images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Find the pen's line in every scan. Labels play no part.

    Each combination of sharpening and threshold gives a candidate: the skeleton of what is ink. A
    pen is drawn along it and shrunk to 8 x 8 again; the candidate that comes closest to the scan
    wins.

    Args:
        images: [N, 8, 8], float32, 0 to 16.

    Returns:
        The distance of each point to the line in fine pixels, [N, 72, 72], float32, 0 on the line;
        and [N], bool, whether the line fits the scan.
    """
    ink = enlarge(images, FINENESS, MARGIN)
    smallest_miss = np.full(len(images), np.inf)
    best = np.zeros_like(ink)
    for sharpening in _SHARPENINGS:
        sharpened = _sharpen(ink, sharpening)
        for threshold in _THRESHOLDS:
            lines = thin(sharpened > threshold)
            distance = np.stack([ndimage.distance_transform_edt(~line) for line in lines])
            for radius, severity in _PENS:
                miss = severity * _miss(distance, radius, images)
                better = miss < smallest_miss
                smallest_miss[better] = miss[better]
                best[better] = distance[better]
    return best, smallest_miss <= _LARGEST_MISS


def shrink_pen(distance: NDArray[np.floating], radius: float) -> NDArray[np.floating]:
    """Draw a pen of `radius` fine pixels along lines and scan the result.

    Args:
        distance: [N, 72, 72], to the line, in fine pixels.
        radius: Of the pen, in fine pixels.

    Returns:
        [N, 8, 8], 0 to 1.
    """
    drawn = np.clip(radius - distance + 0.5, 0, 1)
    cells = drawn.reshape(-1, SHAPE_SIDE // FINENESS, FINENESS, SHAPE_SIDE // FINENESS, FINENESS)
    return cells.mean(axis=(2, 4))[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def thin(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin shapes to lines one pixel wide, keeping their loops.

    Source: T. Y. Zhang, C. Y. Suen, "A fast parallel algorithm for thinning digital patterns",
    CACM 27(3), 1984.

    Args:
        masks: [N, S, S], bool, True inside the shapes.

    Returns:
        [N, S, S], bool, True on the lines.
    """
    lines = masks.copy()
    tables = [_removable_table(0), _removable_table(1)]
    changed = True
    while changed:
        changed = False
        for table in tables:
            removable = lines & table[_neighbour_codes(lines)]
            changed = changed or bool(removable.any())
            lines &= ~removable
    return lines


def _neighbour_codes(lines: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack each point's eight neighbours into one byte, the one above first, then clockwise."""
    padded = np.pad(lines, ((0, 0), (1, 1), (1, 1))).view(np.uint8)
    side = lines.shape[1]
    codes = np.zeros(lines.shape, np.uint8)
    steps = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0))
    for bit, (y, x) in enumerate(steps):
        codes |= padded[:, y : y + side, x : x + side] << bit
    return codes


def _removable_table(pass_number: int) -> NDArray[np.bool_]:
    """Answer for each of the 256 neighbourhoods whether its centre may go in this pass."""
    around = (np.arange(256)[:, None] >> np.arange(8)) & 1 == 1
    count = around.sum(axis=1)
    starts = (~around & np.roll(around, -1, axis=1)).sum(axis=1)
    north, east, south, west = around[:, 0], around[:, 2], around[:, 4], around[:, 6]
    if pass_number == 0:
        is_this_side = ~(north & east & south) & ~(east & south & west)
    else:
        is_this_side = ~(north & east & west) & ~(north & south & west)
    return (count >= 2) & (count <= 6) & (starts == 1) & is_this_side


def _miss(
    distance: NDArray[np.float64], radius: float, images: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Compare digits redrawn with a pen of `radius` fine pixels to their scans: RMS, [N], 0 to 1.

    The pen may have been faint: it gets the ink that fits best.
    """
    shrunk = shrink_pen(distance, radius)
    scans = images / FULL_INK
    area = (shrunk**2).sum(axis=(1, 2)) + 1e-9
    strength = np.clip((shrunk * scans).sum(axis=(1, 2)) / area, 0.6, 1.2)
    return np.sqrt(((strength[:, None, None] * shrunk - scans) ** 2).mean(axis=(1, 2)))


def _sharpen(ink: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    blurred = ndimage.gaussian_filter(ink, (0, _SHARPENING_SIGMA, _SHARPENING_SIGMA))
    return ink + np.float32(strength) * (ink - blurred)
