"""One line of the report, with what a test does not care about filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.comparison.measurement import Measurement

_LINE = Measurement(
    series="ways",
    network="tiny",
    way="gateway REST, raw body",
    clients=16,
    batch=1,
    width=500,
    height=375,
    kilobytes=67.5,
    images=1000,
    errors=0,
    first_error="",
    seconds=8.0,
    images_per_second=125.0,
    p50_ms=10.0,
    p99_ms=20.0,
    cpu_ms_per_image=6.0,
    floor_cpu_ms_per_image=4.0,
    client_cpu_ms_per_image=0.5,
    same_label="8/8",
)


def line(**changes: Any) -> Measurement:
    return replace(_LINE, **changes)


def floor(cpu_ms: float, **changes: Any) -> Measurement:
    nan = float("nan")
    fields = {"series": "floor", "way": "floor", "floor_cpu_ms_per_image": nan, "same_label": ""}
    return line(cpu_ms_per_image=cpu_ms, **fields, **changes)
