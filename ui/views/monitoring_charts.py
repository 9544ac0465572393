"""What the Monitoring page draws: numbers at a glance, charts, a table of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from ui.components.time_chart import TimeChart, show_time_chart
from ui.figures import machine, steps, traffic
from ui.figures.bins import Bins, Point
from ui.monitored_hour import MonitoredHour
from ui.texts import Texts
from ui.view_models import as_percent

_OUTCOMES = {
    "rejected": "monitoring.outcome.rejected",
    "limited": "monitoring.outcome.limited",
    "overloaded": "monitoring.outcome.overloaded",
    "failed": "monitoring.outcome.failed",
    "cancelled": "monitoring.outcome.cancelled",
}
_STEPS = {
    "preprocess": "monitoring.step.preprocess",
    "model": "monitoring.step.model",
    "postprocess": "monitoring.step.postprocess",
}
_WAITING, _IN_FLIGHT = "waiting", "in flight"


@dataclass(frozen=True)
class Glance:
    """What is looked at: a window of the hour, and one release or all of them."""

    texts: Texts
    hour: MonitoredHour
    bins: Bins
    release: str | None


_Drawn = tuple[TimeChart, Sequence[Point]]


def show_glance(glance: Glance) -> None:
    """Draw the window in four numbers."""
    texts, told = glance.texts, (glance.bins, glance.hour.traffic, glance.release)
    asked, answered = traffic.asked_in(*told), traffic.answered_share(*told)
    median, slow = (traffic.latency_in(*told, share) for share in (0.5, 0.99))
    numbers = {
        texts("monitoring.asked"): f"{asked:,}",
        texts("monitoring.answered"): "—" if answered is None else as_percent(answered),
        texts("monitoring.median"): _in_ms(median),
        texts("monitoring.slow"): _in_ms(slow),
    }
    # Side by side as far as they fit: columns would cut them off.
    with st.container(horizontal=True):
        for label, number in numbers.items():
            st.metric(label, number, border=True, width="content")


def show_charts(glance: Glance) -> None:
    """Draw all charts, two in a row; those of processes have more lines and a row each."""
    drawn = [*_traffic_charts(glance), *_line_charts(glance), *_step_charts(glance)]
    drawn += _gpu_charts(glance)
    for number in range(0, len(drawn), 2):
        for column, (chart, points) in zip(st.columns(2), drawn[number : number + 2], strict=False):
            with column:
                show_time_chart(chart, points, glance.texts)
    for chart, points in _machine_charts(glance):
        show_time_chart(chart, points, glance.texts)


def show_step_table(glance: Glance) -> None:
    """Draw every step of every release over the whole window."""
    texts = glance.texts
    rows = steps.in_window(glance.bins, glance.hour.servers, glance.release)
    if not rows:
        return
    seconds = glance.bins.window_seconds
    st.markdown(f"**{texts('monitoring.steps')}**")
    st.dataframe(
        pd.DataFrame(
            {
                texts("monitoring.release"): [row.release for row in rows],
                texts("monitoring.step_name"): [texts(_STEPS[row.step]) for row in rows],
                texts("monitoring.requests"): [row.totals.requests for row in rows],
                texts("monitoring.batch"): _rounded(rows, lambda it: it.mean_batch),
                texts("monitoring.queue_ms"): _rounded(rows, lambda it: it.mean_queue_ms),
                texts("monitoring.compute_ms"): _rounded(rows, lambda it: it.mean_compute_ms),
                texts("monitoring.failures"): [row.totals.failures for row in rows],
            }
        ),
        hide_index=True,
    )
    st.caption(texts("monitoring.with_canaries", minutes=seconds // 60))


def _traffic_charts(glance: Glance) -> list[_Drawn]:
    texts, told = glance.texts, (glance.bins, glance.hour.traffic, glance.release)
    seconds = glance.bins.seconds
    was_asked = traffic.asked_in(*told) > 0
    nothing = texts("monitoring.nothing")
    return [
        (
            TimeChart(
                texts("monitoring.throughput"),
                texts("monitoring.per_second"),
                nothing,
                seconds,
                names={"": texts("monitoring.no_release")},
            ),
            traffic.throughput(*told),
        ),
        (
            TimeChart(texts("monitoring.latency"), "ms", nothing, seconds),
            traffic.latencies(*told),
        ),
        (
            TimeChart(
                texts("monitoring.refused"),
                texts("monitoring.per_bin", seconds=seconds),
                texts("monitoring.all_answered") if was_asked else nothing,
                seconds,
                mark="bar",
                number="~s",
                names={outcome: texts(name) for outcome, name in _OUTCOMES.items()},
            ),
            traffic.refusals(*told),
        ),
    ]


def _line_charts(glance: Glance) -> list[_Drawn]:
    texts, told = glance.texts, (glance.bins, glance.hour.traffic, glance.release)
    nobody, seconds = texts("monitoring.nobody_waited"), glance.bins.seconds
    return [
        (
            TimeChart(texts("monitoring.queue"), "ms", nobody, seconds),
            traffic.queue_times(*told, texts("monitoring.mean")),
        ),
        (
            TimeChart(
                texts("monitoring.in_line"),
                texts("monitoring.calls"),
                nobody,
                seconds,
                number="~s",
                names={
                    _WAITING: texts("monitoring.waiting"),
                    _IN_FLIGHT: texts("monitoring.in_flight"),
                },
            ),
            traffic.waiting(*told, waits=_WAITING, in_flight=_IN_FLIGHT),
        ),
    ]


def _step_charts(glance: Glance) -> list[_Drawn]:
    texts = glance.texts
    names = {step: texts(name) for step, name in _STEPS.items()}

    def chart(title: str, unit: str) -> TimeChart:
        nothing = texts("monitoring.no_samples")
        return TimeChart(title, unit, nothing, glance.bins.seconds, names=names)

    def points(measure: Callable[[steps.StepTotals], float | None]) -> list[Point]:
        return steps.by_step(glance.bins, glance.hour.servers, glance.release, measure)

    per_request = texts("monitoring.ms_per_request")
    return [
        (
            chart(texts("monitoring.batches"), texts("monitoring.items")),
            points(lambda it: it.mean_batch),
        ),
        (
            chart(texts("monitoring.step_queue"), per_request),
            points(lambda it: it.mean_queue_ms),
        ),
        (
            chart(texts("monitoring.step_compute"), per_request),
            points(lambda it: it.mean_compute_ms),
        ),
    ]


def _machine_charts(glance: Glance) -> list[_Drawn]:
    texts, hour = glance.texts, glance.hour
    told = (glance.bins, hour.traffic, hour.servers, glance.release, texts("monitoring.others"))
    nothing, seconds = texts("monitoring.no_samples"), glance.bins.seconds
    return [
        (
            TimeChart(
                texts("monitoring.cpu"), texts("monitoring.cores"), nothing, seconds, is_wide=True
            ),
            machine.cores(*told),
        ),
        (
            TimeChart(texts("monitoring.memory"), "MB", nothing, seconds, is_wide=True),
            machine.memory(*told),
        ),
    ]


def _gpu_charts(glance: Glance) -> list[_Drawn]:
    """None where no release runs on one."""
    texts, samples = glance.texts, glance.hour.servers
    if not any(it.gpus for it in samples):
        return []
    nothing, seconds = texts("monitoring.no_samples"), glance.bins.seconds
    return [
        (
            TimeChart(texts("monitoring.gpu"), "%", nothing, seconds),
            machine.gpu_utilisation(glance.bins, samples),
        ),
        (
            TimeChart(texts("monitoring.gpu_memory"), "MB", nothing, seconds),
            machine.gpu_memory(glance.bins, samples),
        ),
    ]


def _in_ms(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "—"
    return f"{milliseconds:,.1f} ms" if milliseconds < 100 else f"{milliseconds:,.0f} ms"


def _rounded(
    rows: Sequence[steps.StepRow], measure: Callable[[steps.StepTotals], float | None]
) -> list[float | None]:
    measured = (measure(row.totals) for row in rows)
    return [None if it is None else round(it, 2) for it in measured]
