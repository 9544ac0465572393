"""How people write the ten digits: three ways each, as strokes in a box of width 1 and height 1.

Sketched from habit and looked at, not at what the model makes of them. None is ever trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Stroke:
    """One movement of the pen through `points`: x to the right, y down, 0 to 1 and a little beyond.

    A curve passes through its points smoothly, otherwise they are joined by straight lines.
    """

    points: tuple[tuple[float, float], ...]
    is_curve: bool


def _curve(*points: tuple[float, float]) -> Stroke:
    return Stroke(points, is_curve=True)


def _lines(*points: tuple[float, float]) -> Stroke:
    return Stroke(points, is_curve=False)


Shape = tuple[Stroke, ...]

_OVAL: Final = _curve(
    (0.55, 0.0), (0.18, 0.15), (0.02, 0.52), (0.18, 0.9), (0.52, 1.0),
    (0.86, 0.84), (0.98, 0.46), (0.84, 0.12), (0.5, 0.0),
)  # fmt: skip
_NARROW_OVAL_WITH_OVERLAP: Final = _curve(
    (0.66, 0.04), (0.36, 0.04), (0.17, 0.4), (0.22, 0.84), (0.46, 1.0),
    (0.74, 0.84), (0.82, 0.4), (0.66, 0.06), (0.42, 0.02), (0.32, 0.12),
)  # fmt: skip
_OVAL_NOT_QUITE_CLOSED: Final = _curve(
    (0.62, 0.07), (0.3, 0.04), (0.04, 0.38), (0.1, 0.8), (0.45, 1.0),
    (0.85, 0.85), (1.0, 0.45), (0.86, 0.1), (0.68, 0.0),
)  # fmt: skip

_TWO_ROUND: Final = _curve(
    (0.06, 0.26), (0.26, 0.03), (0.66, 0.0), (0.9, 0.24), (0.76, 0.54), (0.4, 0.8), (0.04, 1.0),
)  # fmt: skip
_TWO_LOOPED: Final = _curve(
    (0.1, 0.2), (0.45, 0.0), (0.8, 0.12), (0.84, 0.4), (0.55, 0.72), (0.2, 0.97), (0.02, 0.92),
    (0.12, 0.78), (0.4, 0.86), (0.7, 1.0), (1.0, 0.9),
)  # fmt: skip

_THREE_ROUND: Final = _curve(
    (0.08, 0.14), (0.45, 0.0), (0.86, 0.14), (0.8, 0.38), (0.42, 0.48), (0.84, 0.58),
    (0.96, 0.8), (0.55, 1.0), (0.04, 0.88),
)  # fmt: skip
_THREE_BELLY: Final = _curve(
    (0.45, 0.38), (0.82, 0.46), (0.95, 0.72), (0.7, 0.96), (0.32, 1.0), (0.04, 0.86)
)
_THREE_POINTED: Final = (
    _curve((0.12, 0.1), (0.5, 0.0), (0.82, 0.16), (0.7, 0.36), (0.34, 0.46)),
    _curve((0.34, 0.46), (0.78, 0.54), (0.88, 0.76), (0.6, 0.97), (0.12, 0.94)),
)

_FIVE_BELLY: Final = _curve(
    (0.18, 0.44), (0.55, 0.36), (0.92, 0.52), (0.94, 0.8), (0.6, 1.0), (0.06, 0.92)
)
_FIVE_IN_ONE: Final = _curve(
    (0.96, 0.02), (0.55, 0.01), (0.24, 0.06), (0.16, 0.28), (0.24, 0.43), (0.6, 0.44),
    (0.88, 0.6), (0.84, 0.86), (0.5, 1.0), (0.08, 0.94),
)  # fmt: skip

_SIX_CURVED: Final = _curve(
    (0.82, 0.02), (0.42, 0.14), (0.1, 0.5), (0.08, 0.82), (0.42, 1.0), (0.84, 0.88),
    (0.9, 0.64), (0.58, 0.5), (0.2, 0.62), (0.09, 0.76),
)  # fmt: skip
_SIX_STRAIGHT_STEM: Final = _curve(
    (0.6, 0.0), (0.36, 0.3), (0.16, 0.62), (0.2, 0.9), (0.5, 1.0), (0.8, 0.86), (0.78, 0.64),
    (0.5, 0.56), (0.22, 0.7),
)  # fmt: skip
_SIX_BIG_LOOP: Final = _curve(
    (0.7, 0.08), (0.4, 0.02), (0.12, 0.28), (0.03, 0.64), (0.16, 0.94), (0.54, 1.0),
    (0.92, 0.84), (0.94, 0.52), (0.6, 0.36), (0.22, 0.44), (0.05, 0.62),
)  # fmt: skip

_EIGHT_IN_ONE: Final = _curve(
    (0.86, 0.16), (0.5, 0.0), (0.14, 0.16), (0.24, 0.38), (0.7, 0.56), (0.92, 0.8), (0.5, 1.0),
    (0.08, 0.82), (0.26, 0.58), (0.74, 0.38), (0.86, 0.16),
)  # fmt: skip
_EIGHT_UPPER: Final = _curve(
    (0.5, 0.0), (0.2, 0.1), (0.18, 0.36), (0.5, 0.46), (0.82, 0.34), (0.78, 0.1), (0.5, 0.0)
)
_EIGHT_LOWER: Final = _curve(
    (0.5, 0.46), (0.1, 0.58), (0.06, 0.86), (0.48, 1.0), (0.92, 0.88), (0.9, 0.58), (0.5, 0.46)
)
_EIGHT_ENDS_CROSSING: Final = _curve(
    (0.9, 0.06), (0.5, 0.0), (0.2, 0.16), (0.34, 0.4), (0.72, 0.62), (0.78, 0.88), (0.46, 1.0),
    (0.16, 0.86), (0.26, 0.62), (0.6, 0.38), (0.96, 0.0),
)  # fmt: skip

_NINE_HEAD: Final = _curve(
    (0.86, 0.18), (0.5, 0.0), (0.12, 0.14), (0.1, 0.4), (0.42, 0.54), (0.78, 0.4), (0.88, 0.14)
)
_NINE_IN_ONE: Final = _curve(
    (0.84, 0.1), (0.46, 0.02), (0.12, 0.2), (0.16, 0.44), (0.5, 0.5), (0.8, 0.32), (0.86, 0.1),
    (0.88, 0.5), (0.76, 0.86), (0.44, 1.0), (0.12, 0.92),
)  # fmt: skip

SHAPES: Final[dict[int, tuple[Shape, Shape, Shape]]] = {
    0: ((_OVAL,), (_NARROW_OVAL_WITH_OVERLAP,), (_OVAL_NOT_QUITE_CLOSED,)),
    1: (
        (_lines((0.5, 0.0), (0.48, 1.0)),),
        (_lines((0.22, 0.26), (0.58, 0.0), (0.56, 1.0)),),
        (_lines((0.2, 0.24), (0.52, 0.0), (0.52, 1.0)), _lines((0.14, 1.0), (0.88, 0.99))),
    ),
    2: (
        (_TWO_ROUND, _lines((0.04, 1.0), (0.98, 0.98))),
        (_TWO_LOOPED,),
        (_curve((0.06, 0.12), (0.5, 0.0), (0.88, 0.1), (0.8, 0.36), (0.42, 0.7), (0.02, 0.99)),
         _lines((0.02, 0.99), (0.92, 1.0))),
    ),
    3: (
        (_THREE_ROUND,),
        (_lines((0.06, 0.02), (0.88, 0.0), (0.45, 0.38)), _THREE_BELLY),
        _THREE_POINTED,
    ),
    4: (
        (_lines((0.34, 0.0), (0.04, 0.6), (0.96, 0.58)), _lines((0.72, 0.3), (0.66, 1.0))),
        (_lines((0.72, 1.0), (0.72, 0.0), (0.02, 0.68), (1.0, 0.68)),),
        (_curve((0.12, 0.02), (0.08, 0.32), (0.2, 0.5), (0.5, 0.5), (0.84, 0.42)),
         _lines((0.86, 0.0), (0.8, 1.0))),
    ),
    5: (
        (_lines((0.2, 0.02), (0.18, 0.44)), _FIVE_BELLY, _lines((0.2, 0.02), (0.92, 0.0))),
        (_FIVE_IN_ONE,),
        (_lines((0.9, 0.0), (0.22, 0.03), (0.12, 0.46), (0.56, 0.4), (0.9, 0.58), (0.84, 0.86),
                (0.5, 1.0), (0.06, 0.95)),),
    ),
    6: ((_SIX_CURVED,), (_SIX_STRAIGHT_STEM,), (_SIX_BIG_LOOP,)),
    7: (
        (_lines((0.04, 0.02), (0.94, 0.0), (0.36, 1.0)),),
        (_lines((0.06, 0.02), (0.92, 0.0), (0.4, 1.0)), _lines((0.28, 0.5), (0.92, 0.48))),
        (_lines((0.05, 0.16), (0.08, 0.02), (0.92, 0.02)),
         _curve((0.92, 0.02), (0.62, 0.4), (0.5, 0.7), (0.46, 1.0))),
    ),
    8: ((_EIGHT_IN_ONE,), (_EIGHT_UPPER, _EIGHT_LOWER), (_EIGHT_ENDS_CROSSING,)),
    9: (
        (_NINE_HEAD, _lines((0.88, 0.12), (0.82, 1.0))),
        (_NINE_HEAD, _curve((0.88, 0.14), (0.9, 0.6), (0.72, 0.93), (0.36, 1.0), (0.1, 0.88))),
        (_NINE_IN_ONE,),
    ),
}  # fmt: skip
