"""The simulation's answers as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from benchmarks.capacity_scenarios import Step, Window
from benchmarks.capacity_simulation import Pace

_COLOURS = ("#4c78a8", "#f58518", "#e45756", "#54a24b", "#b279a2", "#72b7b2")


def plot_replicas(runs: Mapping[str, Mapping[int, Pace]]) -> Figure:
    """Latency against the number of Tritons, a panel per network."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    panels = figure.subplots(1, len(runs), squeeze=False)[0]
    for panel, (title, paces) in zip(panels, runs.items(), strict=True):
        counts = list(paces)
        panel.plot(
            counts, [paces[it].p99_ms for it in counts], "o-", color=_COLOURS[1], label="p99"
        )
        panel.plot(
            counts, [paces[it].p50_ms for it in counts], "o-", color=_COLOURS[0], label="p50"
        )
        panel.set(title=title, xlabel="Tritons of two cores", xticks=counts, ylim=(0, None))
        panel.set_ylabel("ms")
        panel.grid(visible=True, which="both", alpha=0.3)
        panel.legend()
    return figure


def plot_loads(
    runs: Mapping[int, Mapping[float, Pace]], title: str, planned_share: float
) -> Figure:
    """Latency against utilisation, a line per size of the fleet."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    panel = figure.subplots()
    names = [f"{pods} Triton{'s' * (pods > 1)}" for pods in runs]
    _draw_p99(panel, dict(zip(names, runs.values(), strict=True)))
    panel.axvline(planned_share, color="black", linestyle="--")
    panel.set(
        title=title, xlabel="share of the best rate; dashed: what we plan with", ylabel="p99, ms"
    )
    _in_decades(panel)
    panel.grid(visible=True, which="both", alpha=0.3)
    panel.legend()
    return figure


def plot_batches(runs: Mapping[int, Mapping[float, Pace]], title: str) -> Figure:
    """Latency against load, a line per largest batch."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    panel = figure.subplots()
    names = ["no batches" if most == 1 else f"at most {most}" for most in runs]
    _draw_p99(panel, dict(zip(names, runs.values(), strict=True)))
    panel.set(title=title, xlabel="images per second at one Triton", ylabel="p99, ms")
    _in_decades(panel)
    panel.grid(visible=True, which="both", alpha=0.3)
    panel.legend()
    return figure


def _draw_p99(panel: Axes, lines: Mapping[str, Mapping[float, Pace]]) -> None:
    """A line by name: p99 against load."""
    for colour, (name, paces) in zip(_COLOURS, lines.items(), strict=False):
        p99_ms = [pace.p99_ms for pace in paces.values()]
        panel.plot(list(paces), p99_ms, "o-", color=colour, label=name)


def plot_autoscaling(runs: Mapping[float, Sequence[Window]], load: Step) -> Figure:
    """A load that jumps: who is refused, what the others wait, how many Tritons there are."""
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    for colour, (ready, windows) in zip(_COLOURS, runs.items(), strict=False):
        times = [it.seconds for it in windows]
        name = f"a Triton is ready after {ready:g} s"
        panels[0].plot(times, [100 * it.refused for it in windows], color=colour, label=name)
        panels[1].plot(times, [it.p99_ms for it in windows], color=colour)
        panels[2].step(times, [it.pods for it in windows], color=colour, where="post")
    for panel, label in zip(
        panels, ("refused, %", "p99 of the answered, ms", "Tritons"), strict=True
    ):
        panel.set_ylabel(label)
        panel.axvline(load.at_seconds, color="black", linestyle="--")
        panel.grid(visible=True, alpha=0.3)
    panels[0].legend()
    panels[2].set_xlabel(
        f"seconds; dashed: from {load.before:g} to {load.after:g} images per second"
    )
    return figure


def _in_decades(panel: Axes) -> None:
    """A logarithmic axis with plain numbers on it."""
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(LogFormatter())
    panel.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))
