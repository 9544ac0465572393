"""Keys -> what the page lists of them: rows, names, sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import pandas as pd

from ui.calls.keys import BATCH, ListedKey, Usage
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown

_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000
# Unicode's marks, embeddings, overrides and isolates of direction.
_TURNS_DIRECTION = dict.fromkeys(
    (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)


def filtered(
    keys: Sequence[ListedKey], wanted: str, *, shows_revoked: bool
) -> tuple[ListedKey, ...]:
    """Those whose name, tenant or id contains what was written.

    Args:
        keys: All of them.
        wanted: In any case; empty is every key.
        shows_revoked: Whether revoked ones are among them.
    """
    part = wanted.strip().casefold()
    return tuple(
        key
        for key in keys
        if (shows_revoked or key.revoked_at is None)
        and any(part in it.casefold() for it in (key.terms.name, key.tenant, key.key_id))
    )


def to_rows(
    keys: Sequence[ListedKey], texts: Texts, *, now: datetime, zone: timezone | None
) -> pd.DataFrame:
    """One row per key, with numbers and moments that can be sorted by.

    Args:
        keys: In their order.
        texts: The reader's language.
        now: Decides which keys have expired.
        zone: The reader's time zone; None is this machine's.
    """
    columns = {
        "keys.column.name": [_visible(key.terms.name) for key in keys],
        "keys.column.state": [state_word(key, texts, now) for key in keys],
        "keys.column.scopes": [", ".join(key.scopes) for key in keys],
        "keys.column.last_used": [_local(key.last_used_at, zone) for key in keys],
        "keys.column.requests_today": [key.today.requests for key in keys],
        "keys.column.requests": [key.last_30_days.requests for key in keys],
        "keys.column.refused": [key.last_30_days.refused for key in keys],
        "keys.column.limits": [limit_words(key, texts) for key in keys],
        "keys.column.allowed": [_allowed(key, texts) for key in keys],
        "keys.column.expires": [_local(key.terms.expires_at, zone) for key in keys],
        "keys.column.revoked": [_local(key.revoked_at, zone) for key in keys],
        "keys.column.tenant": [key.tenant for key in keys],
        "keys.column.id": [key.key_id for key in keys],
    }
    return pd.DataFrame({texts(name): values for name, values in columns.items()})


def state_word(key: ListedKey, texts: Texts, now: datetime) -> str:
    """Whether it is good for anything, in a word."""
    if key.revoked_at is not None:
        return texts("keys.state.revoked")
    return texts("keys.state.expired" if key.has_ended(now) else "keys.state.live")


def limit_words(key: ListedKey, texts: Texts) -> str:
    """What limits a key, where anything does."""
    terms = key.terms
    amounts = (
        ("keys.limit.requests", terms.requests_per_minute),
        ("keys.limit.bytes", terms.bytes_per_minute),
        ("keys.limit.concurrency", terms.max_concurrency),
    )
    told = [texts(name, amount=f"{amount:,}") for name, amount in amounts if amount is not None]
    if terms.priority == BATCH:
        told.append(texts("keys.limit.batch"))
    return ", ".join(told) or texts("keys.limit.none")


def usage_sentence(usage: Usage, texts: Texts) -> str:
    """What a key was used for, in some days."""
    return texts(
        "keys.usage",
        requests=f"{usage.requests:,}",
        items=f"{usage.items:,}",
        size=as_size(usage.body_bytes),
        refused=f"{usage.refused:,}",
    )


def as_size(size_bytes: int) -> str:
    """Write bytes in the largest unit of which there is at least one."""
    size, unit = float(size_bytes), 0
    while size >= _THOUSAND and unit < len(_BYTE_UNITS) - 1:
        size, unit = size / _THOUSAND, unit + 1
    return f"{size:.1f} {_BYTE_UNITS[unit]}" if unit else f"{size_bytes} B"


def plain_name(name: str) -> str:
    """A key's name inside a sentence of Markdown."""
    return f"**{escape_markdown(_visible(name))}**"


def option_label(key: ListedKey) -> str:
    """A key among others to choose from: names may be the same, ids never are."""
    return f"{_visible(key.terms.name)} · {key.key_id}"


def key_sentence(key: ListedKey) -> str:
    """Which key is spoken of."""
    return f"{plain_name(key.terms.name)} {as_code(key.key_id)}"


def _visible(name: str) -> str:
    """Without what would turn the direction of the words behind it."""
    return name.translate(_TURNS_DIRECTION)


def _allowed(key: ListedKey, texts: Texts) -> str:
    allowed = key.terms.allowed
    return texts("keys.every_alias") if allowed is None else ", ".join(allowed)


def _local(moment: datetime | None, zone: timezone | None) -> str:
    """As the reader's clock shows it, in a form that sorts by time; nothing where there is none."""
    return "" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
