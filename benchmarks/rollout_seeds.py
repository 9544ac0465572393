"""What automatic rollouts do with good and bad candidates: 200 seeds of each, on a simulated clock.

    python -m benchmarks.rollout_seeds [--seeds 200]

Takes one to two minutes and writes benchmarks/results/rollout_seeds.md. The same seeds
give the same table.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.report import commit, machine
from benchmarks.rollout_simulation import CASES, RECORDING, Case, Run, read_recording, simulate
from gateway.rollouts.policy import Action, RolloutTerms, Verdict

RESULTS: Final = Path(__file__).parent / "results" / "rollout_seeds.md"
PER_SECOND: Final = 50.0
LEAST_RIGHT: Final = 0.95
TERMS: Final = RolloutTerms()
# Where nothing is tolerated, an identical candidate is as near to a bad one as a good one can be.
_STRICT: Final = replace(TERMS, error_margin=0.0, latency_margin=0.0)
_STRICT_CASE: Final = Case("identical, margins of 0 for errors and latency", is_good=True)
_HEAD: Final = (
    "candidate",
    "promoted",
    "rolled back",
    "in step",
    "by",
    "requests that met it: median",
    "p95",
    "most",
    "seconds: median",
    "p95",
)


def share_right(case: Case, runs: Sequence[Run]) -> float:
    """The share of runs that ended as they should."""
    right = Action.PROMOTE if case.is_good else Action.ROLL_BACK
    return sum(run.decision.action is right for run in runs) / len(runs)


def row(case: Case, runs: Sequence[Run]) -> str:
    """One line of the table."""
    promoted = sum(run.decision.action is Action.PROMOTE for run in runs)
    stopped = [run for run in runs if run.decision.action is Action.ROLL_BACK]
    steps = Counter("baseline" if run.percent == 0 else f"{run.percent} %" for run in stopped)
    reasons = Counter(
        check.metric.value
        for run in stopped
        for check in run.decision.checks
        if check.verdict is Verdict.WORSE
    )
    met, seconds = sorted(run.met for run in runs), sorted(run.seconds for run in runs)
    cells = (
        case.name,
        f"{promoted} of {len(runs)}",
        f"{len(stopped)} of {len(runs)}",
        _counted(steps),
        _counted(reasons),
        *(_quantile(met, 0.5), _quantile(met, 0.95), met[-1]),
        *(_quantile(seconds, 0.5), _quantile(seconds, 0.95)),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.most_common()) or "-"


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def to_markdown(rows: Sequence[str], seeds: int, pairs: int, took_seconds: float) -> str:
    """The report as it is committed."""
    steps = ", ".join(map(str, TERMS.steps))
    return "\n".join(
        [
            "# Rollouts of good and bad candidates",
            "",
            f"{seeds} seeds each, {PER_SECOND:.0f} requests a second, {TERMS.mirror_percent:.0f} % "
            "of what stable answers mirrored, a look at every second. Terms are the defaults: a "
            f"baseline, then steps of {steps} %, {TERMS.step_seconds:.0f} s each at least, alpha "
            f"{TERMS.alpha}. Seconds are simulated, from the start of the baseline to the end. "
            "Written by `python -m benchmarks.rollout_seeds`; the method is in "
            "[docs/rollout-statistics.md](../../docs/rollout-statistics.md).",
            "",
            f"| {' | '.join(_HEAD)} |",
            f"|{' --- |' * 5}{' ---: |' * (len(_HEAD) - 5)}",
            *rows,
            "",
            f"- Recording: {pairs} items, each answered twice by a real stack, {RECORDING.name}",
            f"- Took {took_seconds:.0f} s on {machine()}, commit {commit()}",
            "",
        ]
    )


def main() -> None:
    """Simulate all, write the table, and fail where a case is not decided right often enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    seeds = parser.parse_args().seeds
    started, pairs, rows = time.perf_counter(), read_recording(), []
    undecided = []
    for case in (*CASES, _STRICT_CASE):
        terms = _STRICT if case is _STRICT_CASE else TERMS
        runs = [simulate(case, pairs, seed, terms, PER_SECOND) for seed in range(seeds)]
        rows.append(row(case, runs))
        if share_right(case, runs) < LEAST_RIGHT:
            undecided.append(case.name)
    text = to_markdown(rows, seeds, len(pairs), time.perf_counter() - started)
    RESULTS.write_text(text)
    print(text)  # noqa: T201 - the answer of the command
    if undecided:
        raise SystemExit(f"decided wrongly too often: {', '.join(undecided)}")


if __name__ == "__main__":
    main()
