"""What an operator asks of an automatic rollout."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RolloutTerms:
    """Steps, what is tolerated, and how sure a rollback has to be.

    Raises:
        ValueError: a value makes no sense; the message says which.
    """

    steps: tuple[int, ...] = (1, 5, 25, 50, 100)
    """The candidate's percent of the traffic, rising; the last is 100, the promotion."""
    step_seconds: float = 60.0
    """How long a step lasts at least, the baseline before the first one too."""
    mirror_percent: float = 10.0
    """Percent of what stable answers that the candidate is asked, too."""
    min_requests: int = 50
    """How many each arm has to answer in a step before the next."""
    min_pairs: int = 100
    """How many mirrored pairs each step needs before the next; 0 where nothing is mirrored."""
    alpha: float = 0.05
    """Highest probability that a candidate within all margins is rolled back, per rollout."""
    error_margin: float = 0.005
    """How far the candidate's share of failures may exceed stable's, 0 to 1."""
    latency_margin: float = 0.1
    """How much longer than stable's its answers may take, as a share: 0.1 is a tenth longer.

    Rounded up to the borders of the sketch's buckets, which are 5 % apart.
    """
    disagreement_limit: float = 0.01
    """Share of mirrored items with another top label that is tolerated, 0 to 1."""
    hard_failure_share: float = 0.2
    """A greater share of failures in one step rolls back, unless stable exceeds it, too."""
    hard_failure_requests: int = 20
    """From how many requests and pairs of a step on that limit is looked at."""
    hard_p95_ratio: float = 3.0
    """A p95 in one step of more than so many times stable's rolls back."""
    hard_p95_requests: int = 200
    """From how many answers of each arm in a step on that limit is looked at."""

    def __post_init__(self) -> None:
        rising = sorted({*self.steps, 100})
        if tuple(rising) != self.steps or rising[0] < 1 or rising[-1] > 100:
            raise ValueError("steps rise from 1 or more to 100")
        if not 0 < self.alpha < 1:
            raise ValueError("alpha lies between 0 and 1")
        for name in ("error_margin", "latency_margin", "disagreement_limit", "hard_failure_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a share, 0 or more and below 1")
        if not (1 if self.min_pairs else 0) <= self.mirror_percent <= 100:
            raise ValueError("mirror_percent is 1 to 100, or 0 to 100 where min_pairs is 0")
        if self.hard_p95_ratio <= 1:
            raise ValueError("hard_p95_ratio is above 1")
        counts = ("step_seconds", "min_requests", "min_pairs", "hard_failure_requests")
        if min(getattr(self, name) for name in (*counts, "hard_p95_requests")) < 0:
            raise ValueError("seconds and counts are 0 or more")

    @property
    def periods(self) -> int:
        """How many steps are measured: the baseline and all but the last, which ends it."""
        return len(self.steps)
