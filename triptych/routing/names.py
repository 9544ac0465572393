"""Release names, and which release an alias means. Standard library only: the gateway imports it.

A release is a whole pipeline; its number is part of its name because a Triton ensemble's config is
not versioned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_RELEASE: Final = re.compile(r"(?P<alias>[a-z][a-z0-9-]{0,62})_r(?P<number>[1-9][0-9]{0,8})")
_ALIAS: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
# Either of the two, for descriptions of interfaces.
ALIAS_OR_RELEASE: Final = r"^[a-z][a-z0-9-]{0,62}(_r[1-9][0-9]{0,8})?$"


@dataclass(frozen=True, order=True)
class ReleaseName:
    """`digits_r3`: the third release of `digits`."""

    alias: str
    number: int

    def __str__(self) -> str:
        return f"{self.alias}_r{self.number}"

    def step(self, step: str) -> str:
        """The Triton model of one step: `digits_r3_preprocess`; an empty step is the ensemble."""
        return step_model(str(self), step)

    @classmethod
    def parse(cls, text: str) -> ReleaseName | None:
        """Read `digits_r3`, or None where the text is no release name (a step's, an alias, ...)."""
        match = _RELEASE.fullmatch(text)
        return cls(match["alias"], int(match["number"])) if match else None


def step_model(release: str, step: str) -> str:
    """The Triton model of a release's step; an empty step is the ensemble."""
    return f"{release}_{step}" if step else release


def is_alias(text: str) -> bool:
    """Whether the text may name an alias; underscores are what release names have."""
    return _ALIAS.fullmatch(text) is not None


def first_routes(promotable: Iterable[ReleaseName]) -> dict[str, ReleaseName]:
    """Give each alias to its first release; a later one never moves traffic by itself."""
    routes: dict[str, ReleaseName] = {}
    for release in sorted(promotable):
        routes.setdefault(release.alias, release)
    return routes
