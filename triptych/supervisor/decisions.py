"""What the supervisor does next: one pure function from what is known to one action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto


class Do(Enum):
    """One thing to do."""

    NOTHING = auto()
    REVIVE = auto()  # tritonserver ended: end the rest of it, wait if that happens often, start
    RESTART = auto()  # somebody asked for it: drain, stop, start
    HEAL = auto()  # a stub is dead: load its model anew, prove the release
    EXAMINE = auto()  # a canary was not answered: find out what hangs
    REPAIR = auto()  # canaries are answered wrongly: load every step anew
    RENEW = auto()  # nobody asks anything: a restart to be rid of what dead stubs leave behind


@dataclass(frozen=True)
class Facts:
    """What is known at one moment; releases by name, the longest trouble first."""

    has_ended: bool = False
    is_restart_asked: bool = False
    dead: Sequence[str] = ()
    silent: Sequence[str] = ()
    wrong: Sequence[str] = ()
    is_quiet: bool = False


@dataclass(frozen=True)
class Decision:
    """The action, and the release it is about."""

    do: Do
    release: str | None = None


def decide(facts: Facts) -> Decision:
    """The most urgent first: what serves nobody, then what is dead, then what may be ill."""
    if facts.has_ended:
        return Decision(Do.REVIVE)
    if facts.is_restart_asked:
        return Decision(Do.RESTART)
    for do, releases in (
        (Do.HEAL, facts.dead),
        (Do.EXAMINE, facts.silent),
        (Do.REPAIR, facts.wrong),
    ):
        if releases:
            return Decision(do, releases[0])
    return Decision(Do.RENEW if facts.is_quiet else Do.NOTHING)
