"""Numbers over time: one line, or one stack of bars, per series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import streamlit as st

from ui.figures.bins import Point, is_empty
from ui.texts import Texts

HEIGHT_PIXELS = 240
# Of a legend.
_ROW_PIXELS = 29
# Where three names do not fit side by side, they stand one below the other.
_COLUMNS = {"expr": "width < 280 ? 1 : 3"}
_LEGENDS: dict[bool, dict[str, object]] = {
    False: {"orient": "bottom", "title": None, "columns": _COLUMNS, "labelLimit": 110},
    True: {"orient": "right", "title": None, "labelLimit": 260},
}
_DENSE = {"rowPadding": 3, "columnPadding": 8, "offset": 8, "symbolSize": 80}


@dataclass(frozen=True)
class TimeChart:
    """How numbers are drawn.

    Attributes:
        title: Above it, in Markdown.
        unit: At the axis and in tooltips, plain text.
        nothing: Said where there is nothing to draw.
        bin_seconds: How long the time of each number is.
        mark: Bars are stacked.
        number: How Vega writes a number, in d3's notation.
        names: What series are called, where their own name is not for people.
        is_wide: Whether it has room for many long names at its right.
    """

    title: str
    unit: str
    nothing: str
    bin_seconds: float
    mark: Literal["line", "bar"] = "line"
    number: str = ",.2~f"
    names: Mapping[str, str] = field(default_factory=dict)
    is_wide: bool = False


def show_time_chart(chart: TimeChart, points: Sequence[Point], texts: Texts) -> None:
    """Draw it; where there is nothing to draw, say so in as much room, so that nothing jumps."""
    with st.container(border=True):
        st.markdown(f"**{chart.title}**")
        if is_empty(points):
            with st.container(
                height=HEIGHT_PIXELS,
                border=False,
                horizontal_alignment="center",
                vertical_alignment="center",
            ):
                st.caption(chart.nothing, width="content")
            return
        series = _series(chart, points)
        st.vega_lite_chart(
            _rows(chart, points),
            _specification(chart, series, texts),
            height=height_of(chart, len(series)),
            alt=texts("monitoring.chart", title=chart.title, unit=chart.unit),
        )


def height_of(chart: TimeChart, names: int) -> int:
    """Every name is seen, and the lines have room beside them or above them."""
    if chart.is_wide:
        return max(HEIGHT_PIXELS, (names + 2) * _ROW_PIXELS)
    return HEIGHT_PIXELS + max(0, names - 3) * _ROW_PIXELS


def _rows(chart: TimeChart, points: Sequence[Point]) -> pd.DataFrame:
    # Milliseconds since 1970, which Vega shows in the reader's own time zone.
    return pd.DataFrame(
        {
            "time": [point.began * 1000 for point in points],
            "end": [(point.began + chart.bin_seconds) * 1000 for point in points],
            "series": [chart.names.get(point.series, point.series) for point in points],
            "value": [point.value for point in points],
        }
    ).astype({"value": "float64"})


def _series(chart: TimeChart, points: Sequence[Point]) -> list[str]:
    """In the order of their names, where there are such, else as they came; so are the colours."""
    there = dict.fromkeys(point.series for point in points)
    named = [name for name in chart.names if name in there]
    return [chart.names.get(name, name) for name in dict.fromkeys([*named, *there])]


def _specification(chart: TimeChart, series: list[str], texts: Texts) -> dict[str, object]:
    """Written alike as long as the series are: then Streamlit changes the numbers alone."""
    tooltip = [
        {
            "field": "time",
            "type": "temporal",
            "title": texts("monitoring.time"),
            "format": "%H:%M:%S",
        },
        {"field": "series", "type": "nominal", "title": texts("monitoring.series")},
        {"field": "value", "type": "quantitative", "title": chart.unit, "format": chart.number},
    ]
    y: dict[str, object] = {
        "field": "value",
        "type": "quantitative",
        "title": chart.unit,
        "axis": {"format": chart.number, "tickCount": 4},
        "scale": {"zero": True, "nice": True},
    }
    return {
        # A bin of which nothing is known is a gap in the line, and still part of the time axis.
        "config": {"mark": {"invalid": "break-paths-show-domains"}},
        "encoding": {
            "x": {
                "field": "time",
                "type": "temporal",
                "title": None,
                "axis": {"format": "%H:%M", "tickCount": 5, "labelOverlap": True},
            },
            "y": y | ({"stack": "zero"} if chart.mark == "bar" else {}),
            "color": {
                "field": "series",
                "type": "nominal",
                "scale": {"domain": series},
                "legend": None if len(series) == 1 else _LEGENDS[chart.is_wide] | _DENSE,
            },
            "tooltip": tooltip,
        },
        "layer": _layers(chart),
    }


def _layers(chart: TimeChart) -> list[dict[str, object]]:
    if chart.mark == "bar":
        return [
            {"mark": {"type": "bar", "orient": "vertical"}, "encoding": {"x2": {"field": "end"}}}
        ]
    return [
        {"mark": {"type": "line", "strokeWidth": 2}},
        # A line alone is hard to hit with the mouse; these show what is known at a moment, and a
        # number between two gaps, which makes no line.
        {"mark": {"type": "point", "filled": True, "size": 24, "opacity": 0.9}},
    ]
