"""Shares of traffic: whole percents that add up, and what moves when they change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WHOLE = 100


@dataclass(frozen=True)
class Move:
    """So many of a hundred requests go to another release than before."""

    percent: float
    source: str
    target: str


def whole_percents(weights: Mapping[str, float]) -> dict[str, int]:
    """Weights as whole percents that add up to 100, by the largest remainders; all 0 stay so."""
    total = sum(weights.values())
    if total <= 0:
        return dict.fromkeys(weights, 0)
    exact = {name: WHOLE * weight / total for name, weight in weights.items()}
    percents = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: percents[name] - exact[name])
    for name in by_remainder[: WHOLE - sum(percents.values())]:
        percents[name] += 1
    return percents


def moves(before: Mapping[str, float], after: Mapping[str, float]) -> list[Move]:
    """Who loses what to whom, largest first: losses meet gains in the order of their size.

    Args:
        before: Percent by release; who is not named has none.
        after: The same.
    """
    names = {*before, *after}
    change = {name: round(after.get(name, 0.0) - before.get(name, 0.0), 1) for name in names}
    losses = sorted((by, name) for name, by in change.items() if by < 0)
    gains = sorted(((by, name) for name, by in change.items() if by > 0), reverse=True)
    found: list[Move] = []
    while losses and gains:
        (loss, source), (gain, target) = losses.pop(0), gains.pop(0)
        percent = round(min(-loss, gain), 1)
        found.append(Move(percent, source, target))
        if round(-loss - percent, 1) > 0:
            losses.insert(0, (loss + percent, source))
        if round(gain - percent, 1) > 0:
            gains.insert(0, (gain - percent, target))
    return found
