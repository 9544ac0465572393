"""What an alias means: arms with weights, perhaps a shadow, and who always meets the same arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Sticky(StrEnum):
    """Who always meets the same arm while weights stand."""

    HEADER = "header"  # whoever sends the same X-Sticky-Key; without one each request is drawn
    CALLER = "api_key"  # every API key, by its id
    NONE = "none"  # nobody: each request is drawn


@dataclass(frozen=True, slots=True)
class Arm:
    """One release behind an alias."""

    release: str
    weight: int
    """Its share of the traffic is this over the sum of all; 0 gets none."""
    name: str = ""
    """What people call it in a test, "B"; the release's name where nothing is said."""

    @property
    def label(self) -> str:
        """What answers and reports call it."""
        return self.name or self.release


@dataclass(frozen=True, slots=True)
class Shadow:
    """A release that gets copies of requests; its answers reach nobody."""

    release: str
    percent: float
    """Of the requests that other releases answer."""


@dataclass(frozen=True, slots=True)
class Route:
    """What an alias means.

    Args:
        alias: The name that applications use.
        arms: At least one, each release once; some weight is above 0.
        shadow: Gets copies, if anybody does.
        sticky: Who always meets the same arm.
        revision: Grows with each change; 0 where nobody has ever set this route.
    """

    alias: str
    arms: tuple[Arm, ...]
    shadow: Shadow | None = None
    sticky: Sticky = Sticky.HEADER
    revision: int = 0

    @property
    def releases(self) -> tuple[str, ...]:
        """Everyone who is to be loaded, the shadow last."""
        shadow = (self.shadow.release,) if self.shadow else ()
        return tuple(dict.fromkeys((*(arm.release for arm in self.arms), *shadow)))

    @property
    def total_weight(self) -> int:
        """What a weight is a share of."""
        return sum(arm.weight for arm in self.arms)

    def weight_of(self, release: str) -> int:
        """The weight of one release, 0 where it has none."""
        return next((arm.weight for arm in self.arms if arm.release == release), 0)

    def to_json(self) -> dict[str, Any]:
        """Plain values, without alias and revision."""
        return {
            "arms": [asdict(arm) for arm in self.arms],
            "shadow": asdict(self.shadow) if self.shadow else None,
            "sticky": self.sticky.value,
        }

    @classmethod
    def from_json(cls, alias: str, revision: int, body: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote, or what GET /v1/routes/{alias} answers.

        Raises:
            KeyError: something is missing.
            ValueError: something is not what it should be.
        """
        shadow = body.get("shadow")
        return cls(
            alias=alias,
            arms=tuple(
                Arm(str(it["release"]), int(it["weight"]), str(it.get("name") or ""))
                for it in body["arms"]
            ),
            shadow=Shadow(str(shadow["release"]), float(shadow["percent"])) if shadow else None,
            sticky=Sticky(body.get("sticky", Sticky.HEADER)),
            revision=revision,
        )
