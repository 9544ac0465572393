"""The latency waterfall of one request: one bar for each stretch of its time."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ui.calls.waterfall import REST, Stretch, Waterfall
from ui.texts import Texts

ROW_PIXELS = 22
# What is longer is cut.
NAME_PIXELS = 200

# Each can be told from the others, and from the page, in both themes.
COLOURS = {"gateway": "#64748b", "triton": "#6366f1", "queue": "#d97706", "compute": "#0d9488"}

_NAMES = {
    "request": "result.bar.request",
    "auth": "result.bar.auth",
    "body": "result.bar.body",
    "queue": "result.bar.queue",
    "triton": "result.bar.triton",
    REST: "result.bar.rest",
    "ensemble": "result.bar.ensemble",
    "preprocess queue": "result.bar.preprocess_queue",
    "preprocess compute": "result.bar.preprocess_compute",
    "model queue": "result.bar.model_queue",
    "model compute": "result.bar.model_compute",
    "postprocess queue": "result.bar.postprocess_queue",
    "postprocess compute": "result.bar.postprocess_compute",
}
_KINDS = {
    "gateway": "result.kind.gateway",
    "triton": "result.kind.triton",
    "queue": "result.kind.queue",
    "compute": "result.kind.compute",
}


def show_waterfall(waterfall: Waterfall, texts: Texts) -> None:
    """Draw the bars on one clock, and say what about them is not known."""
    rows = to_rows(waterfall, texts)
    found = {_known_kind(stretch) for stretch in waterfall.stretches}
    kinds = {texts(_KINDS[kind]): colour for kind, colour in COLOURS.items() if kind in found}
    whole_ms = max((it.start_ms + it.duration_ms for it in waterfall.stretches), default=0.0)
    st.vega_lite_chart(
        rows,
        {
            "height": {"step": ROW_PIXELS},
            "encoding": _places(whole_ms, texts),
            "layer": [_bars(kinds), _NUMBERS],
        },
        alt=texts("result.waterfall_chart", ms=f"{whole_ms:.1f}"),
    )
    st.caption(" ".join(texts(name) for name in unknowns(waterfall)))


def _places(whole_ms: float, texts: Texts) -> dict[str, object]:
    return {
        "y": {
            "field": "name",
            "type": "nominal",
            "sort": None,
            "axis": {"title": None, "labelLimit": NAME_PIXELS},
        },
        "x": {
            "field": "start",
            "type": "quantitative",
            "title": "ms",
            # Room for the number behind a bar that goes to the end.
            "scale": {"domain": [0, whole_ms * 1.15]},
        },
        "x2": {"field": "end"},
        "tooltip": [
            {"field": "name", "title": texts("result.stretch")},
            {"field": "ms", "title": "ms"},
        ],
    }


def _bars(kinds: dict[str, str]) -> dict[str, object]:
    return {
        "mark": {"type": "bar", "minBandSize": 2},
        "encoding": {
            "color": {
                "field": "kind",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(kinds), "range": list(kinds.values())},
                "legend": {"orient": "bottom", "columns": 2},
            }
        },
    }


# The page's own text colour, light or dark; Vega's default is black.
_NUMBERS = {
    "mark": {"type": "text", "align": "left", "dx": 4, "color": "currentColor"},
    "encoding": {"x": {"field": "end"}, "x2": None, "text": {"field": "ms"}},
}


def to_rows(waterfall: Waterfall, texts: Texts) -> pd.DataFrame:
    """Rows for the bars: name, kind, start and end in ms, and the length as text."""
    return pd.DataFrame([_row(stretch, texts) for stretch in waterfall.stretches])


def unknowns(waterfall: Waterfall) -> tuple[str, ...]:
    """Names of the sentences on what the bars do not tell."""
    if not waterfall.is_traced:
        return ("result.not_traced",)
    told = () if waterfall.has_steps else ("result.no_steps",)
    return (*told, "result.shifted") if waterfall.is_shifted else (*told, "result.traced")


def _row(stretch: Stretch, texts: Texts) -> dict[str, object]:
    known = _NAMES.get(stretch.name)
    return {
        "name": texts(known) if known else stretch.name,
        "kind": texts(_KINDS[_known_kind(stretch)]),
        "start": stretch.start_ms,
        "end": stretch.start_ms + stretch.duration_ms,
        "ms": f"{stretch.duration_ms:.2f}",
    }


def _known_kind(stretch: Stretch) -> str:
    """Only the gateway makes kinds; one that is new to this page is its own."""
    return stretch.kind if stretch.kind in _KINDS else "gateway"
