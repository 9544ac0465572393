"""A confusion matrix as a heat map: true classes down, answered ones across."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from ui.calls.release_cards import Measurement
from ui.texts import Texts

_CELL_PIXELS = 28
# Numbers inside the cells of a larger matrix would not be readable.
_MOST_NUMBERED_CLASSES = 20
_LARGE_MATRIX_PIXELS = 400
_NARROW_CHARACTERS = 4

# Its own colours, because the numbers have to be readable on each of them, in light and in dark.
_SHADES = {"domain": [0, 1], "range": ["#e6f4f1", "#0f766e"]}
_ON_LIGHT, _ON_DARK = "#1f2937", "#ffffff"


def show_confusion(measurement: Measurement, labels: Sequence[str], texts: Texts) -> None:
    """Draw it; nothing where it is not told.

    Args:
        measurement: With the matrix.
        labels: Of the classes; where it is not all of them, numbers stand in.
        texts: The reader's language.
    """
    matrix = measurement.confusion
    if matrix is None:
        return
    names = list(labels) if len(labels) == len(matrix) else [str(it) for it in range(len(matrix))]
    is_small = len(names) <= _MOST_NUMBERED_CLASSES
    size = {"step": _CELL_PIXELS} if is_small else _LARGE_MATRIX_PIXELS
    st.vega_lite_chart(
        _cells(matrix, names),
        {
            "width": size,
            "height": size,
            "encoding": _encoding(names, texts),
            "layer": [_rectangles(texts), _counts()] if is_small else [_rectangles(texts)],
        },
        width="content",
        alt=texts("releases.card.confusion", name=measurement.name),
    )


def _cells(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"truth": truth, "answer": answer, "n": n, "share": n / (sum(row) or 1)}
            for truth, row in zip(names, matrix, strict=True)
            for answer, n in zip(names, row, strict=True)
        ]
    )


def _encoding(names: Sequence[str], texts: Texts) -> dict[str, object]:
    truth, answer = texts("releases.card.truth"), texts("releases.card.answer")
    return {
        "y": {"field": "truth", "type": "nominal", "sort": names, "title": truth},
        "x": {
            "field": "answer",
            "type": "nominal",
            "sort": names,
            "title": answer,
            "axis": {"labelAngle": 0 if max(map(len, names)) < _NARROW_CHARACTERS else -90},
        },
        "tooltip": [
            {"field": "truth", "title": truth},
            {"field": "answer", "title": answer},
            {"field": "n", "title": texts("releases.card.count")},
            {"field": "share", "title": texts("releases.card.share"), "format": ".1%"},
        ],
    }


def _rectangles(texts: Texts) -> dict[str, object]:
    color = {
        "field": "share",
        "type": "quantitative",
        "scale": _SHADES,
        "title": texts("releases.card.share"),
        "legend": None,
    }
    return {"mark": {"type": "rect"}, "encoding": {"color": color}}


def _counts() -> dict[str, object]:
    is_dark = {"test": "datum.share > 0.5", "value": _ON_DARK}
    return {
        "mark": {"type": "text", "fontSize": 11},
        "transform": [{"filter": "datum.n > 0"}],
        "encoding": {
            "text": {"field": "n", "type": "quantitative"},
            "color": {"condition": is_dark, "value": _ON_LIGHT},
        },
    }
