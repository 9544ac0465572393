"""The numbers of a shadow's report: shares with their intervals, score differences, latency."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ui.calls.shadows import Quantiles, ShadowReport, Share
from ui.texts import Texts
from ui.view_models import as_percent
from ui.views.compare_rows import NOTHING

CHART_HEIGHT_PIXELS = 200


def show_report(report: ShadowReport, texts: Texts) -> None:
    """Draw all numbers, or that there are none yet."""
    if not report.pairs:
        st.info(texts("compare.no_pairs"), icon=":material/hourglass_empty:")
        return
    _show_shares(report, texts)
    histogram, latency = st.columns([3, 2], gap="large")
    with histogram:
        st.markdown(f"**{texts('compare.differences')}**")
        _show_histogram(report.score_differences, texts)
    with latency:
        st.markdown(f"**{texts('compare.latency')}**")
        st.table(
            to_latency_rows(report, texts),
            border="horizontal",
            hide_index=True,
            alt=texts("compare.latency"),
        )
        counts = {"pairs": f"{report.pairs:,}", "dropped": f"{report.dropped:,}"}
        st.caption(texts("compare.counts", **counts))


def _show_shares(report: ShadowReport, texts: Texts) -> None:
    shares = {
        "compare.top1": report.top1_agreement,
        "compare.top_k": report.top_k_agreement,
        "compare.outcome_differed": report.outcome_differed,
        "compare.shadow_failures": report.shadow_failures,
        "compare.serving_failures": report.serving_failures,
    }
    for column, (name, share) in zip(st.columns(len(shares)), shares.items(), strict=True):
        with column:
            st.metric(texts(name), as_percent(share.share))
            st.caption(to_interval(share, report.pairs, texts))


def to_interval(share: Share, pairs: int, texts: Texts) -> str:
    """Say of how many, and where the true share lies."""
    return texts(
        "compare.interval",
        count=f"{share.count:,}",
        pairs=f"{pairs:,}",
        lower=as_percent(share.lower),
        upper=as_percent(share.upper),
    )


def to_bins(counts: tuple[int, ...]) -> pd.DataFrame:
    """Rows of the histogram: from, to (0 to 1), items."""
    width = 1 / max(1, len(counts))
    return pd.DataFrame(
        {
            "from": [round(place * width, 6) for place in range(len(counts))],
            "to": [round((place + 1) * width, 6) for place in range(len(counts))],
            "items": list(counts),
        }
    )


def to_latency_rows(report: ShadowReport, texts: Texts) -> pd.DataFrame:
    """Rows of the table: who answers and the shadow, at three quantiles."""
    sides = (report.serving_latency, report.shadow_latency)
    columns = {"": [texts("compare.serving"), texts("compare.shadow")]}
    columns |= {f"p{it}": [_milliseconds(side, it) for side in sides] for it in (50, 95, 99)}
    return pd.DataFrame(columns)


def _milliseconds(side: Quantiles, percent: int) -> str:
    value = {50: side.p50_ms, 95: side.p95_ms, 99: side.p99_ms}[percent]
    return NOTHING if value is None else f"{value:.1f} ms"


def _show_histogram(counts: tuple[int, ...], texts: Texts) -> None:
    st.vega_lite_chart(
        to_bins(counts),
        {
            "height": CHART_HEIGHT_PIXELS,
            "mark": {"type": "bar"},
            "encoding": {
                "x": {
                    "field": "from",
                    "type": "quantitative",
                    "bin": {"binned": True, "step": 1 / max(1, len(counts))},
                    "title": texts("compare.difference_axis"),
                    "scale": {"domain": [0, 1]},
                    "axis": {"values": [0, 0.2, 0.4, 0.6, 0.8, 1]},
                },
                "x2": {"field": "to"},
                "y": {
                    "field": "items",
                    "type": "quantitative",
                    "title": texts("compare.items_axis"),
                    "axis": {"tickMinStep": 1},
                },
                "tooltip": [
                    {"field": "from", "title": texts("compare.from")},
                    {"field": "to", "title": texts("compare.to")},
                    {"field": "items", "title": texts("compare.items_axis")},
                ],
            },
        },
        alt=texts("compare.differences"),
    )
