"""From totals to reports: shares with their intervals, quantiles, the most frequent labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from operator import add
from typing import Final

from gateway.control_plane.experiments.gallery import Exhibit
from gateway.control_plane.experiments.report_schemas import (
    ArmReport,
    DisagreementDescription,
    LabelShare,
    LatencyQuantiles,
    RouteReport,
    ShadowReport,
    Share,
)
from gateway.control_plane.experiments.totals_store import Counted
from gateway.rollouts.confidence import Count, wilson_interval
from gateway.rollouts.latency_sketch import LatencySketch
from gateway.rollouts.totals import ArmTotals, PairTotals
from triptych.routing import Arm, Route

_ALPHA: Final = 0.05
_LABELS_SHOWN: Final = 20


def report_on_arms(
    route: Route, revisions: range, counted: Mapping[Counted, ArmTotals]
) -> RouteReport:
    """Sum what was counted of each release; those that the route names come first."""
    totals: dict[str, ArmTotals] = {arm.release: ArmTotals() for arm in route.arms}
    for where, found in counted.items():
        totals[where.release] = totals.get(where.release, ArmTotals()) + found
    arms = {arm.release: arm for arm in route.arms}
    return RouteReport(
        alias=route.alias,
        since_revision=revisions[0],
        revision=revisions[-1],
        arms=[_arm(arms.get(it) or Arm(it, 0), found) for it, found in totals.items()],
    )


def _arm(arm: Arm, totals: ArmTotals) -> ArmReport:
    most_frequent = sorted(totals.labels.items(), key=lambda it: (-it[1], it[0]))[:_LABELS_SHOWN]
    return ArmReport(
        release=arm.release,
        arm=arm.label,
        weight=arm.weight,
        requests=totals.requests,
        failures=_share(totals.failures, totals.requests),
        items=totals.items,
        latency=_quantiles(totals.latency),
        labels=[
            LabelShare(label=label, of_items=_share(count, totals.items))
            for label, count in most_frequent
        ],
    )


def report_on_shadow(
    alias: str,
    release: str,
    revisions: range,
    counted: Mapping[Counted, PairTotals],
    exhibits: Sequence[Exhibit],
) -> ShadowReport:
    """Sum what was counted of items that a shadow was asked, too."""
    mine = [found for where, found in counted.items() if where.release == release]
    totals = reduce(add, mine, PairTotals())
    return ShadowReport(
        alias=alias,
        release=release,
        since_revision=revisions[0],
        revision=revisions[-1],
        pairs=totals.pairs,
        top1_agreement=_share(totals.top1_agreed, totals.pairs),
        top_k_agreement=_share(totals.top_k_agreed, totals.pairs),
        outcome_differed=_share(totals.outcome_differed, totals.pairs),
        serving_failures=_share(totals.serving_failures, totals.pairs),
        shadow_failures=_share(totals.candidate_failures, totals.pairs),
        dropped=totals.dropped,
        score_differences=totals.score_differences,
        serving_latency=_quantiles(totals.serving_latency),
        shadow_latency=_quantiles(totals.candidate_latency),
        median_difference_ms=_median_difference(totals),
        disagreements=[DisagreementDescription.model_validate(asdict(it)) for it in exhibits],
    )


def _median_difference(totals: PairTotals) -> float | None:
    serving, shadow = totals.serving_latency.quantile(0.5), totals.candidate_latency.quantile(0.5)
    return None if serving is None or shadow is None else shadow - serving


def _share(hits: int, of: int) -> Share:
    count = Count(hits, of)
    interval = wilson_interval(count, _ALPHA)
    return Share(count=hits, share=count.rate, lower=interval.lower, upper=interval.upper)


def _quantiles(sketch: LatencySketch) -> LatencyQuantiles:
    return LatencyQuantiles(
        p50_ms=sketch.quantile(0.5), p95_ms=sketch.quantile(0.95), p99_ms=sketch.quantile(0.99)
    )
