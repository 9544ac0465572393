"""Which arm a request meets: the gateway and direct clients compute the same."""

from __future__ import annotations

import hashlib
import math
import random
from typing import Final

from triptych.routing.route import Arm, Route

_STEPS: Final = 2.0**64


def sticky_draw(key: str, release: str) -> float:
    """A number above 0 and below 1, drawn by hash: the same for the same key and release."""
    digest = hashlib.sha256(f"{release}\n{key}".encode("utf-8", "surrogatepass")).digest()
    # Half a step up, so that 0 never comes; and the largest, which rounds to 1, is pulled back.
    return min((int.from_bytes(digest[:8]) + 0.5) / _STEPS, 1.0 - 2.0**-53)


def choose_arm(route: Route, sticky_key: str | None) -> Arm:
    """Say which arm a request meets.

    Each arm waits for an exponentially distributed time with its weight as rate, and the first one
    wins: so shares are as the weights are, the same key always meets the same arm, and when one
    weight grows against the others, keys move to that arm only. Source: weighted rendezvous
    hashing; Schindelhauer and Schomaker 2005, "Weighted distributed hash tables", section 3.

    Args:
        route: Of the alias.
        sticky_key: Who asks, where the route's rule knows; None draws at random.
    """
    arms = [arm for arm in route.arms if arm.weight > 0]
    if len(arms) == 1:
        return arms[0]
    if sticky_key is None:
        weights = [arm.weight for arm in arms]
        return random.choices(arms, weights)[0]  # noqa: S311 - no secret
    return min(arms, key=lambda arm: -math.log(sticky_draw(sticky_key, arm.release)) / arm.weight)
