"""What somebody did, as a sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import pandas as pd

from ui.calls.audit import AuditEntry
from ui.calls.route_changes import Meaning, RouteChange, decode_meaning
from ui.route_words import shares_in_words
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown

Clock = Callable[[datetime], str]

# By the gateway's names.
_DEEDS = {
    "route.set": "releases.did.route_set",
    "route.promote": "releases.did.route_promote",
    "route.rollback": "releases.did.route_rollback",
    "rollout.start": "releases.did.rollout_start",
    "rollout.step": "releases.did.rollout_step",
    "rollout.promote": "releases.did.rollout_promote",
    "rollout.rollback": "releases.did.rollout_rollback",
    "rollout.pause": "releases.did.rollout_pause",
    "rollout.resume": "releases.did.rollout_resume",
    "rollout.abort": "releases.did.rollout_abort",
    "release.load": "releases.did.release_load",
    "release.unload": "releases.did.release_unload",
    "release.unload refused": "releases.did.release_unload_refused",
}


def to_audit_rows(entries: Sequence[AuditEntry], texts: Texts, clock: Clock) -> pd.DataFrame:
    """One row per deed; cells are Markdown."""
    return _rows(
        texts,
        when=[clock(it.at) for it in entries],
        who=[_who(it, texts) for it in entries],
        what=[deed_in_words(it, texts) for it in entries],
        why=[it.reason for it in entries],
    )


def to_change_rows(changes: Sequence[RouteChange], texts: Texts, clock: Clock) -> pd.DataFrame:
    """One row per state of a route; cells are Markdown."""
    return _rows(
        texts,
        when=[clock(it.at) for it in changes],
        who=[escape_markdown(it.by) for it in changes],
        what=[
            texts(
                "releases.history.meant",
                revision=it.meaning.revision,
                shares=shares_in_words(it.meaning, texts),
            )
            for it in changes
        ],
        why=[it.reason for it in changes],
    )


def deed_in_words(entry: AuditEntry, texts: Texts) -> str:
    """One sentence; what this page does not know yet is told by the gateway's own name for it."""
    name = _DEEDS.get(entry.action, "releases.did.other")
    meaning = _meaning(entry.detail)
    return texts(
        name,
        subject=as_code(entry.subject),
        action=as_code(entry.action),
        candidate=as_code(str(entry.detail.get("candidate", "?"))),
        shares=shares_in_words(meaning, texts) if meaning else "?",
    )


def _meaning(detail: Mapping[str, object]) -> Meaning | None:
    try:
        return decode_meaning(detail)  # type: ignore[arg-type]  # it is one, or it is refused here
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _who(entry: AuditEntry, texts: Texts) -> str:
    return texts("releases.history.itself") if entry.is_by_itself else escape_markdown(entry.by)


def _rows(
    texts: Texts, *, when: list[str], who: list[str], what: list[str], why: list[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            texts("releases.history.when"): when,
            texts("releases.history.who"): who,
            texts("releases.history.what"): what,
            texts("releases.history.why"): [escape_markdown(it) for it in why],
        }
    )
