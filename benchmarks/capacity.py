"""From what was measured to how many machines: writes docs/capacity.md and its pictures.

python -m benchmarks.capacity
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import capacity_plots
from benchmarks.capacity_measured import Network, cost_ms, gateway_share, read_networks
from benchmarks.capacity_scenarios import (
    Step,
    Window,
    autoscaled,
    over_batches,
    over_loads,
    over_replicas,
)
from benchmarks.capacity_simulation import Pace, closed_loop, open_load

PAGE: Final = Path(__file__).parents[1] / "docs" / "capacity.md"
TEMPLATE: Final = Path(__file__).with_name("capacity.template.md")
PICTURES: Final = Path(__file__).parent / "results" / "capacity"
RATES: Final = (1_000, 10_000, 100_000)
BUSY: Final = 0.6
TRITON_CORES: Final = 2
NODE_CORES: Final = 30
CELL: Final = 50
_RAW: Final = "gateway REST, raw body"
# Network in hops.md and measurements.csv, way, title.
_SIZED: Final = (
    ("tiny", _RAW, "tiny network"),
    ("resnet18", "OpenVINO int8", "ResNet-18, int8"),
    ("resnet18", _RAW, "ResNet-18, fp32"),
    ("resnet50", _RAW, "ResNet-50, fp32"),
)
_DPI: Final = 110
_SHARES: Final = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_BATCHES: Final = (1, 2, 4, 8, 32)
_LOADS: Final = (100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0)
_REPLICAS: Final = {"resnet18": (200.0, range(4, 10)), "tiny": (2000.0, range(3, 8))}
_JUMP: Final = Step(before=80.0, after=200.0)
_READY_SECONDS: Final = (15.0, 60.0, 120.0)


class Size(NamedTuple):
    """How many of each for one rate."""

    tritons: int
    gateways: int

    @property
    def nodes(self) -> int:
        """Whole nodes."""
        return math.ceil((TRITON_CORES * self.tritons + self.gateways) / NODE_CORES)

    @property
    def cells(self) -> int:
        """Stacks of their own, so that not everybody has to know everybody."""
        return math.ceil(max(self.tritons, self.gateways) / CELL)


def size(per_second: float, triton_ms: float, gateway_ms: float) -> Size:
    """The formula of the page.

    Args:
        per_second: Images.
        triton_ms: CPU of one image in Triton.
        gateway_ms: CPU of one image in the gateway.
    """
    return Size(
        math.ceil(per_second * triton_ms / (1000 * TRITON_CORES * BUSY)),
        math.ceil(per_second * gateway_ms / (1000 * BUSY)),
    )


def main() -> None:
    """Simulate, draw, write."""
    tiny, resnet18 = read_networks()
    networks = {"tiny": tiny, "resnet18": resnet18}
    replicas = {
        networks[name]: over_replicas(networks[name], rate, counts)
        for name, (rate, counts) in _REPLICAS.items()
    }
    loads = {pods: over_loads(resnet18, pods, _SHARES) for pods in (1, 4, 12)}
    batches = over_batches(tiny, _BATCHES, _LOADS)
    jumps = {ready: autoscaled(resnet18, _jump(ready), pods=3) for ready in _READY_SECONDS}
    _draw(replicas, loads, batches, jumps)
    values = {
        "sizes": _sizes(),
        "validation": _validation((tiny, resnet18)),
        "replicas": _replica_table(replicas),
        "loads": _load_table(loads),
        "in_flight": "; ".join(_in_flight(it) for it in (tiny, resnet18)),
        "batches": _batch_table(batches),
        "fixed": " and ".join(_fixed_share(it) for it in (tiny, resnet18)),
        "jump": f"{_JUMP.before:g} to {_JUMP.after:g}",
        "autoscaling": _jump_table(jumps),
        "busy": "; ".join(_busy(it) for it in (tiny, resnet18)),
        "enough": str(size(_JUMP.after, *_costs("resnet18", _RAW)).tritons),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    PAGE.write_text(text, encoding="utf-8")


def _jump(ready_seconds: float) -> Step:
    return Step(_JUMP.before, _JUMP.after, ready_seconds=ready_seconds)


def _draw(
    replicas: Mapping[Network, Mapping[int, Pace]],
    loads: Mapping[int, Mapping[float, Pace]],
    batches: Mapping[int, Mapping[float, Pace]],
    jumps: Mapping[float, Sequence[Window]],
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    titles = {
        f"{network.title}, {_REPLICAS[network.name][0]:,.0f} images/s": paces
        for network, paces in replicas.items()
    }
    for name, figure in {
        "replicas": capacity_plots.plot_replicas(titles),
        "loads": capacity_plots.plot_loads(
            loads, "ResNet-18: p99 by how busy the Tritons are", BUSY
        ),
        "batches": capacity_plots.plot_batches(batches, "tiny network: what batches buy"),
        "autoscaling": capacity_plots.plot_autoscaling(jumps, _JUMP),
    }.items():
        figure.savefig(PICTURES / f"{name}.png", dpi=_DPI)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _sizes() -> str:
    head = (
        "network",
        "CPU ms: Triton",
        "gateway",
        "images/s",
        "Tritons",
        "gateways",
        "nodes",
        "cells",
    )
    rows = []
    for network, way, title in _SIZED:
        triton_ms, gateway_ms = _costs(network, way)
        for rate in RATES:
            found = size(rate, triton_ms, gateway_ms)
            costs = (f"{triton_ms:.2f}", f"{gateway_ms:.2f}")
            counts = (found.tritons, found.gateways, found.nodes, found.cells)
            rows.append((title, *costs, *(f"{it:,}" for it in (rate, *counts))))
    return _table(head, rows)


def _costs(network: str, way: str) -> tuple[float, float]:
    """CPU ms of an image in Triton and in the gateway."""
    gateway_ms = cost_ms(network, _RAW) * gateway_share(network)
    return cost_ms(network, way) - gateway_ms, gateway_ms


def _validation(networks: Sequence[Network]) -> str:
    head = (
        "load",
        "images/s: measured",
        "simulated",
        "p50 ms: measured",
        "simulated",
        "p99 ms: measured",
        "simulated",
    )
    rows = []
    for network in networks:
        for it in network.observed:
            if it.in_flight:
                pace = closed_loop(network, it.in_flight)
                name = f"{network.title}, {it.in_flight} in flight"
            else:
                pace = open_load(network, it.per_second, seconds=60, with_client=True)
                name = f"{network.title}, {it.load}"
            measured = (it.per_second, it.p50_ms, it.p99_ms)
            simulated = (pace.per_second, pace.p50_ms, pace.p99_ms)
            pairs = zip(measured, simulated, strict=True)
            rows.append((name, *(_three_digits(value) for pair in pairs for value in pair)))
    return _table(head, rows)


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _replica_table(runs: Mapping[Network, Mapping[int, Pace]]) -> str:
    rows = [
        (
            f"{network.title}, {_REPLICAS[network.name][0]:,.0f}/s",
            pods,
            f"{it.p50_ms:.0f}",
            f"{it.p99_ms:.0f}",
        )
        for network, paces in runs.items()
        for pods, it in paces.items()
    ]
    return _table(("load", "Tritons", "p50 ms", "p99 ms"), rows)


def _load_table(runs: Mapping[int, Mapping[float, Pace]]) -> str:
    rows = [(pods, *(f"{it.p99_ms:.0f}" for it in paces.values())) for pods, paces in runs.items()]
    return _table(("Tritons: p99 ms at", *(f"{share:g}" for share in _SHARES)), rows)


def _batch_table(runs: Mapping[int, Mapping[float, Pace]]) -> str:
    rows = [
        (
            most,
            *(
                f"{it.p99_ms:.0f}" if it.per_second > 0.97 * load else "-"
                for load, it in paces.items()
            ),
        )
        for most, paces in runs.items()
    ]
    table = _table(("largest batch: p99 ms at", *(f"{load:g}/s" for load in _LOADS)), rows)
    return f"{table}\n\nA dash: more comes than can be answered."


def _jump_table(runs: Mapping[float, Sequence[Window]]) -> str:
    rows = []
    for ready, windows in runs.items():
        refusing = [it for it in windows if it.refused > 0.01]
        lasted = refusing[-1].seconds + 5 - _JUMP.at_seconds if refusing else 0
        worst = max(it.refused for it in windows)
        most = max(it.p99_ms for it in windows)
        rows.append(
            (f"{ready:g} s", f"{lasted:.0f} s", f"{worst:.0%}", f"{most:.0f}", windows[-1].pods)
        )
    head = (
        "ready after",
        "requests are refused for",
        "at worst",
        "highest p99 ms",
        "Tritons at the end",
    )
    return _table(head, rows)


def _in_flight(network: Network) -> str:
    (poisson,) = [it for it in network.observed if it.load.startswith("Poisson, 60%")]
    calls = poisson.per_second * poisson.p50_ms / 1000
    return f"{network.title} {calls:.1f}"


def _busy(network: Network) -> str:
    """What the formula's load is in the simulation, with every zone and with two of three."""
    triton_ms, _ = _costs(network.name, _RAW)
    rate = 1000 * TRITON_CORES * BUSY / triton_ms
    usual, crowded = (open_load(network, it, seconds=40).busy for it in (rate, rate * 3 / 2))
    return f"{usual:.2f} and {crowded:.2f} ({network.title})"


def _fixed_share(network: Network) -> str:
    fixed = sum(step.fixed_ms for step in network.steps)
    return f"{fixed / sum(step.work_ms(1) for step in network.steps):.0%} ({network.title})"


if __name__ == "__main__":
    main()
