"""Releases as rows and as calm words: what is so, never what was ordered. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import pandas as pd

from ui.calls.releases import LOADING, READY, Release
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown

Clock = Callable[[datetime], str]

# What a supervisor says of a loaded release, the worst first.
_STATES = {
    "failing": ("releases.state.failing", ":red[:material/error:]"),
    "healing": ("releases.state.healing", ":orange[:material/healing:]"),
    LOADING: ("releases.state.loading", ":blue[:material/hourglass_top:]"),
    READY: ("releases.state.ready", ":green[:material/check_circle:]"),
}
NOT_TOLD = "·"


def to_release_rows(releases: Sequence[Release], texts: Texts, clock: Clock) -> pd.DataFrame:
    """One row per release; cells are Markdown."""
    servers = {it.server for release in releases for it in release.servers}
    columns = {
        "releases.column.release": [as_code(it.name) for it in releases],
        "releases.column.state": [
            state_in_words(it, len(servers), texts, clock) for it in releases
        ],
        "releases.column.routed_by": [", ".join(map(as_code, it.routed_by)) for it in releases],
        "releases.column.engine": [_engines(it) for it in releases],
        "releases.column.memory": [_memory(it) for it in releases],
        "releases.column.size": [megabytes(it.size_bytes) for it in releases],
        "releases.column.created": [_created(it) for it in releases],
    }
    return pd.DataFrame({texts(name): cells for name, cells in columns.items()})


def state_in_words(release: Release, servers: int, texts: Texts, clock: Clock) -> str:
    """What it is now, since when, and on how many Tritons where that is not all; Markdown."""
    if not release.servers:
        if release.broken is not None:
            why = escape_markdown(release.broken)
            return f":red[:material/error:] {texts('releases.state.broken', reason=why)}"
        return f":material/storage: {texts('releases.state.on_disk')}"
    states = [it.state for it in release.servers]
    worst = next((state for state in _STATES if state in states), states[0])
    since = min(it.since for it in release.servers if it.state == worst)
    name, icon = _STATES.get(worst, ("releases.state.other", ":material/help:"))
    words = f"{icon} {texts(name, since=clock(since), state=escape_markdown(worst))}"
    count = states.count(worst)
    if count < servers:
        words += f" {texts('releases.state.on_some', count=count, all=servers)}"
    reasons = {it.reason for it in release.servers if it.state == worst and it.reason}
    return ": ".join([words, *map(escape_markdown, sorted(reasons))])


def _engines(release: Release) -> str:
    told = sorted({it.engine for it in release.servers if it.engine})
    return ", ".join(map(escape_markdown, told)) or NOT_TOLD


def _memory(release: Release) -> str:
    told = [it.memory_bytes for it in release.servers if it.memory_bytes is not None]
    return megabytes(sum(told)) if told else NOT_TOLD


def megabytes(size_bytes: int | None) -> str:
    """A size for people."""
    return NOT_TOLD if size_bytes is None else f"{size_bytes / 1e6:.1f} MB"


def _created(release: Release) -> str:
    version = f" · {release.semver}" if release.semver else ""
    return escape_markdown(release.created[:10] + version) or NOT_TOLD
