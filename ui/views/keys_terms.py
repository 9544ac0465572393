"""The fields of a form for what a key may do; they hold what the key may do now."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ui.calls.keys import BATCH, INTERACTIVE, PRIORITIES, KeyTerms
from ui.reader import reader_zone
from ui.scene import Scene

# The largest number that every reader of JSON holds exactly.
_MOST = 2**53 - 1
_LONGEST_NAME = 100
_PRIORITY_WORDS = {INTERACTIVE: "keys.form.interactive", BATCH: "keys.form.batch"}
_AMOUNTS = (
    ("requests_per_minute", "keys.form.requests"),
    ("bytes_per_minute", "keys.form.bytes"),
    ("max_concurrency", "keys.form.concurrency"),
)


def ask_terms(scene: Scene, before: KeyTerms, mark: str) -> KeyTerms:
    """Draw the fields, inside a form.

    Args:
        scene: Its words, and the aliases that can be chosen.
        before: What the fields begin with.
        mark: Tells these fields from those of another key, or of other terms.
    """
    texts = scene.texts
    name = st.text_input(
        texts("keys.form.name"), before.name, max_chars=_LONGEST_NAME, key=f"keys_name_{mark}"
    )
    allowed = _ask_allowed(scene, before, mark)
    amounts = _ask_amounts(scene, before, mark)
    left, right = st.columns(2)
    with left:
        priority = st.selectbox(
            texts("keys.form.priority"),
            PRIORITIES,
            index=PRIORITIES.index(before.priority) if before.priority in PRIORITIES else None,
            format_func=lambda it: texts(_PRIORITY_WORDS[it]),
            help=texts("keys.form.priority_help"),
            key=f"keys_priority_{mark}",
        )
    with right:
        expires_at = _ask_expiry(scene, before.expires_at, mark)
    return KeyTerms(
        name=name,
        allowed=allowed,
        priority=priority or before.priority,
        expires_at=expires_at,
        **amounts,
    )


def _ask_allowed(scene: Scene, before: KeyTerms, mark: str) -> tuple[str, ...] | None:
    held = before.allowed or ()
    aliases = [route.alias for route in scene.status.routes]
    chosen = st.multiselect(
        scene.texts("keys.form.allowed"),
        sorted({*aliases, *held}),
        held,
        accept_new_options=True,
        placeholder=scene.texts("keys.every_alias"),
        help=scene.texts("keys.form.allowed_help"),
        key=f"keys_allowed_{mark}",
    )
    # In the gateway's order, so that nothing has changed where nobody changed anything.
    return tuple(sorted({name.strip() for name in chosen})) or None


def _ask_amounts(scene: Scene, before: KeyTerms, mark: str) -> dict[str, int | None]:
    columns = st.columns(len(_AMOUNTS))
    return {
        field: column.number_input(
            scene.texts(label),
            min_value=1,
            max_value=_MOST,
            value=None,
            step=1,
            placeholder=scene.texts("keys.form.no_limit"),
            key=_begun(f"keys_{field}_{mark}", getattr(before, field)),
        )
        for column, (field, label) in zip(columns, _AMOUNTS, strict=True)
    }


def _ask_expiry(scene: Scene, before: datetime | None, mark: str) -> datetime | None:
    """A moment by the reader's clock, to the minute; one that is left alone keeps its seconds."""
    zone = reader_zone()
    shown = before and before.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)
    given = st.datetime_input(
        scene.texts("keys.form.expires"),
        None,
        help=scene.texts("keys.form.expires_help"),
        key=_begun(f"keys_expires_{mark}", shown),
    )
    if given is None or given == shown:
        return before if given is not None else None
    return given.replace(tzinfo=zone) if zone is not None else given.astimezone()


def _begun(key: str, value: object) -> str:
    """Let a field begin with a value; given as its default, it could not be emptied any more."""
    st.session_state.setdefault(key, value)
    return key
