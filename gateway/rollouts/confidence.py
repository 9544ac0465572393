"""Intervals of a rate, and the evidence that one rate exceeds another, both valid at every look.

All of it rests on one inequality (Ville 1939): a process that starts at 1 and cannot be expected to
grow exceeds 1/alpha at any time at all with probability alpha at most. So a look costs nothing and
may follow every request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

# The mixture's prior, Beta(a, b). Half of its mass lies below a rate of 6 %, a third below 1.2 %,
# a fifth below 0.16 %: rates of failures are small and of unknown order of magnitude, and a flat
# prior (or Jeffreys') would give away much of the evidence that few events in many requests hold.
_A: Final = 0.25
_B: Final = 1.0
_NORMAL: Final = NormalDist()
_HALVINGS: Final = 40  # of an interval inside 0 to 1: to a millionth of a millionth of it


@dataclass(frozen=True, slots=True)
class Count:
    """So many of so many."""

    hits: int = 0
    of: int = 0

    @property
    def rate(self) -> float:
        """Hits over all, 0 where there is nothing."""
        return self.hits / self.of if self.of else 0.0

    def __add__(self, other: Count) -> Count:
        return Count(self.hits + other.hits, self.of + other.of)


@dataclass(frozen=True, slots=True)
class Interval:
    """Limits of a rate, 0 to 1."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Stratum:
    """Two arms in the same time, and so under the same load and the same outages."""

    candidate: Count
    stable: Count


def wilson_interval(count: Count, alpha: float) -> Interval:
    """The usual interval for a report: it covers the rate with 1 - alpha at one look, not at many.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    if not count.of:
        return Interval(0.0, 1.0)
    z = _NORMAL.inv_cdf(1 - alpha / 2)
    n, rate = count.of, count.rate
    shrunk = 1 + z * z / n
    middle = (rate + z * z / (2 * n)) / shrunk
    half = z / shrunk * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # Where nothing or everything was hit the limit is exact, whatever rounding says.
    lower = 0.0 if count.hits == 0 else max(0.0, middle - half)
    return Interval(lower, 1.0 if count.hits == n else min(1.0, middle + half))


def rate_interval(count: Count, alpha: float) -> Interval:
    """The rates that the count does not speak against: covers the true one at all looks at once.

    {p : B(a + s, b + n - s) / B(a, b) / (p^s (1 - p)^(n - s)) < 1 / alpha}, the beta mixture
    martingale: Robbins, "Statistical methods related to the law of the iterated logarithm", Annals
    of Mathematical Statistics 41, 1970; Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform,
    nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49, 2021.
    """
    if not count.of:
        return Interval(0.0, 1.0)
    least = log_mixture(count) + math.log(alpha)

    def is_excluded(rate: float) -> bool:
        return log_likelihood(count, rate) <= least

    # The likelihood rises up to the observed rate and falls behind it.
    return Interval(
        0.0 if count.hits == 0 else _border(is_excluded, 0.0, count.rate),
        1.0 if count.hits == count.of else _border(is_excluded, 1.0, count.rate),
    )


def _border(is_excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where exclusion ends, on the excluded side, so that rounding never narrows an interval."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if is_excluded(middle):
            outside = middle
        else:
            inside = middle
    return outside


def log_evidence_above(count: Count, limit: float) -> float:
    """How much the count speaks for a rate above the limit: log of an e-process.

    The likelihood under the mixture over the best that a rate up to the limit can reach. At log(1 /
    alpha) the lower limit of `rate_interval` passes the limit.
    """
    return log_mixture(count) - log_likelihood(count, min(count.rate, limit))


def log_evidence_worse(strata: Sequence[Stratum], margin: float, periods: int) -> float:
    """How much is to be said for "the candidate's rate exceeds stable's by more than the margin".

    The log of an e-process by universal inference (Wasserman, Ramdas, Balakrishnan, PNAS 117,
    2020): the likelihood of all counts under the mixture, over the best that any rates within the
    margin can reach. These are chosen anew for each stratum, so a load or an outage that comes and
    goes with time, and hits both arms, is no evidence, although the arms' shares of the traffic
    differ from stratum to stratum. The mixture is asked from each stratum on, and the mean is
    taken: so evidence adds up over strata, and what was before a change does not drown the rest.

    Args:
        strata: The counts of each period in which the arms' shares of the traffic stood.
        margin: The excess that is tolerated, as a share, 0 to 1.
        periods: How many strata there can ever be.
    """
    null = [_log_likelihood_within(stratum, margin) for stratum in strata]
    terms = [0.0] * (periods - len(strata))  # what has not begun has said nothing: log(1)
    candidate, stable, explained = Count(), Count(), 0.0
    for stratum, best in zip(reversed(strata), reversed(null), strict=True):
        candidate, stable = candidate + stratum.candidate, stable + stratum.stable
        explained += best
        terms.append(log_mixture(candidate) + log_mixture(stable) - explained)
    return _log_sum(terms) - math.log(periods)


def _log_likelihood_within(stratum: Stratum, margin: float) -> float:
    """The highest log likelihood of two rates of which the candidate's is within the margin."""
    candidate, stable = stratum.candidate, stratum.stable
    if candidate.rate <= stable.rate + margin or not candidate.of:
        return log_likelihood(candidate, candidate.rate) + log_likelihood(stable, stable.rate)
    # It lies on the border, where the candidate's rate is stable's plus the margin, and between the
    # two optima; the sum is concave there, so its slope changes its sign once.
    low, high = stable.rate, candidate.rate - margin
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _slope(candidate, middle + margin) + _slope(stable, middle) > 0:
            low = middle
        else:
            high = middle
    return log_likelihood(candidate, high + margin) + log_likelihood(stable, high)


def _slope(count: Count, rate: float) -> float:
    """The derivative of the log likelihood."""
    misses = count.of - count.hits
    rising = count.hits / rate if count.hits else 0.0
    return rising - (misses / (1 - rate) if misses else 0.0)


def log_mixture(count: Count) -> float:
    """The log likelihood of a sequence with this count, averaged over the prior."""
    return _log_beta(_A + count.hits, _B + count.of - count.hits) - _log_beta(_A, _B)


def log_likelihood(count: Count, rate: float) -> float:
    """The log likelihood of a sequence with this count under a rate, 0 to 1."""
    misses = count.of - count.hits
    if (count.hits and rate <= 0.0) or (misses and rate >= 1.0):
        return -math.inf
    return (count.hits * math.log(rate) if count.hits else 0.0) + (
        misses * math.log1p(-rate) if misses else 0.0
    )


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_sum(logs: Iterable[float]) -> float:
    values = list(logs)
    highest = max(values)
    return highest + math.log(sum(math.exp(it - highest) for it in values))
