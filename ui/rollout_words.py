"""A rollout as words, bars and rows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import pandas as pd

from ui.calls.rollout_checks import Check, Count, RateCheck
from ui.calls.rollouts import ArmFigures, Rollout, RolloutDecision, Step
from ui.calls.route_changes import RouteChange
from ui.release_words import NOT_TOLD
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown

Clock = Callable[[datetime], str]

# By the gateway's names.
STATES = {
    "loading": "releases.rollout.state_loading",
    "running": "releases.rollout.state_running",
    "paused": "releases.rollout.state_paused",
    "promoted": "releases.rollout.state_promoted",
    "rolled_back": "releases.rollout.state_rolled_back",
    "aborted": "releases.rollout.state_aborted",
    "failed": "releases.rollout.state_failed",
    "superseded": "releases.rollout.state_superseded",
}
_METRICS = {
    "failures": "releases.metric.failures",
    "median_latency": "releases.metric.median_latency",
    "tail_latency": "releases.metric.tail_latency",
    "agreement": "releases.metric.agreement",
    "hard_failures": "releases.metric.hard_failures",
    "hard_latency": "releases.metric.hard_latency",
    "hard_latency_of_pairs": "releases.metric.hard_latency_of_pairs",
}
_LATENCY_LIMITS = frozenset({"hard_latency", "hard_latency_of_pairs"})
_GAVE_BACK = frozenset({"rolled_back", "aborted"})


def state_in_words(rollout: Rollout, texts: Texts) -> str:
    """Where it stands; a state that this page does not know yet is told as the gateway has it."""
    name = STATES.get(rollout.state)
    return texts(name) if name else escape_markdown(rollout.state)


def to_weight_rows(rollout: Rollout, changes: Sequence[RouteChange], now: datetime) -> pd.DataFrame:
    """The candidate's percent over time, from its start until now, or until its end.

    Args:
        rollout: Which.
        changes: Of its alias's route, in any order.
        now: Where the line of one that has not ended ends.
    """
    own = sorted(
        (it for it in changes if it.rollout_id == rollout.id), key=lambda it: it.meaning.revision
    )
    points = [(rollout.created_at, 0.0)]
    points += [(it.at, it.meaning.shares.get(rollout.candidate, 0.0)) for it in own]
    last = 0.0 if rollout.state in _GAVE_BACK else points[-1][1]
    end = now if rollout.is_live else rollout.changed_at
    points.append((max(end, points[-1][0]), last))
    return pd.DataFrame(
        {"at": [at for at, _ in points], "percent": [percent for _, percent in points]}
    )


def check_in_words(check: Check, texts: Texts) -> str:
    """What a check compares, with its numbers; Markdown."""
    metric = texts(_METRICS.get(check.metric, "releases.metric.other"), name=as_code(check.metric))
    if check.verdict == "unknown":
        return f"**{metric}**: {texts('releases.rollout.nothing_yet')}"
    if isinstance(check, RateCheck):
        against = texts("releases.rollout.against", stable=_share(check.stable, texts))
        found = _share(check.candidate, texts) + (f" {against}" if check.stable else "")
        bound = texts(
            "releases.rollout.evidence",
            evidence=f"{check.evidence:.2g}",
            needed=f"{check.needed:.0f}",
        )
        return f"**{metric}**: {found}; {bound}"
    in_ms = check.metric in _LATENCY_LIMITS
    found, limit = (
        f"{value:.1f} ms" if in_ms else f"{value:.1%}" for value in (check.candidate, check.limit)
    )
    return f"**{metric}**: {texts('releases.rollout.limit', found=found, limit=limit)}"


def _share(count: Count | None, texts: Texts) -> str:
    return texts("releases.rollout.share", hits=count.hits, of=count.of) if count else ""


def to_step_rows(steps: Sequence[Step], texts: Texts) -> pd.DataFrame:
    """One row per step that has begun, the newest first."""
    newest = list(reversed(steps))
    columns = {
        "releases.rollout.step": [_step(it, texts) for it in newest],
        "releases.rollout.candidate": [_figures(it.candidate, texts) for it in newest],
        "releases.rollout.stable": [_figures(it.stable, texts) for it in newest],
        "releases.rollout.pairs": [
            texts("releases.rollout.agreed", agreed=it.agreed, of=it.pairs) for it in newest
        ],
    }
    return pd.DataFrame({texts(name): cells for name, cells in columns.items()})


def _step(step: Step, texts: Texts) -> str:
    return texts("releases.rollout.baseline") if step.step == 0 else f"{step.percent} %"


def _figures(arm: ArmFigures, texts: Texts) -> str:
    p95 = NOT_TOLD if arm.p95_ms is None else f"{arm.p95_ms:.1f}"
    return texts(
        "releases.rollout.figures", requests=arm.requests, failures=arm.failures, p95_ms=p95
    )


def to_decision_rows(
    decisions: Sequence[RolloutDecision], texts: Texts, clock: Clock
) -> pd.DataFrame:
    """One row per decision, in the gateway's words."""
    return pd.DataFrame(
        {
            texts("releases.history.when"): [clock(it.at) for it in decisions],
            texts("releases.rollout.decision"): [escape_markdown(it.sentence) for it in decisions],
        }
    )
