"""The figures of the suite: kept as JSON, shown in docs/reliability.md between two markers."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.faults.fault import Outcome

PROJECT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = Path(__file__).parent / "results.json"
PAGE: Final = PROJECT / "docs" / "reliability.md"
_HEAD: Final = (
    "| fault | Tritons | date | commit | rounds | requests | good ones failed | wrong answers "
    "| seconds until healthy: median | most | slowest answer, s | leaked |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def commit() -> str:
    """Of this checkout; with a `+` where files differ from it."""

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=PROJECT, check=True, capture_output=True, text=True
        ).stdout.rstrip()

    written = {str(RESULTS.relative_to(PROJECT)), str(PAGE.relative_to(PROJECT))}
    changed = {line[3:] for line in git("status", "--porcelain").splitlines()} - written
    return git("rev-parse", "--short=7", "HEAD") + ("+" if changed else "")


def record(outcomes: Sequence[Outcome], order: int) -> None:
    """Put the row of one fault in the place of its last one."""
    first = outcomes[0]
    leaked = sorted({leak for outcome in outcomes for leak in outcome.leaked})
    row = {
        "fault": first.fault,
        "tritons": first.tritons,
        "date": today(),
        "commit": commit(),
        "rounds": len(outcomes),
        "requests": sum(it.counts.requests for it in outcomes),
        "failed": sum(it.counts.failed for it in outcomes),
        "wrong": sum(it.counts.wrong for it in outcomes),
        "seconds_median": round(statistics.median(it.seconds for it in outcomes), 2),
        "seconds_most": round(max(it.seconds for it in outcomes), 2),
        "slowest_seconds": round(max(it.counts.slowest_seconds for it in outcomes), 2),
        "leaked": ", ".join(leaked) or "nothing",
        "order": order,
    }
    results = read_results()
    results["faults"][f"{first.tritons} {first.fault}"] = row
    write_results(results)


def record_soak(summary: dict[str, Any]) -> None:
    """Put the summary of a soak in the place of the last one."""
    write_results({**read_results(), "soak": summary})


def today() -> str:
    """The date in UTC."""
    return datetime.now(UTC).date().isoformat()


def read_results() -> dict[str, Any]:
    """What was measured so far."""
    if not RESULTS.exists():
        return {"faults": {}, "soak": {}}
    found: dict[str, Any] = json.loads(RESULTS.read_text())
    return found


def write_results(results: dict[str, Any]) -> None:
    """Keep them, and bring the page in step."""
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    page = PAGE.read_text()
    page = _between(page, "faults", _fault_table(results["faults"]))
    PAGE.write_text(_between(page, "soak", _soak_table(results["soak"])))


def _between(page: str, name: str, block: str) -> str:
    start, end = f"<!-- {name}: written by the suite -->\n", f"<!-- {name}: end -->"
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}{block}{end}{after}"


def _fault_table(rows: dict[str, dict[str, Any]]) -> str:
    ordered = sorted(rows.values(), key=lambda row: (row["order"], row["tritons"]))
    return _HEAD + "".join(
        f"| {row['fault']} | {row['tritons']} | {row['date']} | {row['commit']} | {row['rounds']} "
        f"| {row['requests']} | {row['failed']} | {row['wrong']} | {row['seconds_median']:.2f} "
        f"| {row['seconds_most']:.2f} | {row['slowest_seconds']:.2f} | {row['leaked']} |\n"
        for row in ordered
    )


def _soak_table(summary: dict[str, Any]) -> str:
    if not summary:
        return "Not run yet.\n"
    return "| what | |\n| --- | --- |\n" + "".join(
        f"| {name} | {value} |\n" for name, value in summary.items()
    )
