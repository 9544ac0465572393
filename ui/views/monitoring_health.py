"""How each part is, since when, and what was healed."""

from __future__ import annotations

import re
from typing import Final

import pandas as pd
import streamlit as st

from ui.calls.health import Heal, Health, Part
from ui.calls.service_watch import utc_now
from ui.scene import Scene
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown

# This page was loaded with the process that shows it, give or take a moment.
_STARTED: Final = utc_now()
_STATES = {
    "ready": "monitoring.state.ready",
    "away": "monitoring.state.away",
    "silent": "monitoring.state.silent",
    "starting": "monitoring.state.starting",
    "serving": "monitoring.state.serving",
    "draining": "monitoring.state.draining",
    "restarting": "monitoring.state.restarting",
    "backing_off": "monitoring.state.backing_off",
    "stopping": "monitoring.state.stopping",
    "loading": "monitoring.state.loading",
    "healing": "monitoring.state.healing",
    "failing": "monitoring.state.failing",
}
_PARTS = {
    "ui": "monitoring.part.ui",
    "gateway": "monitoring.part.gateway",
    "database": "monitoring.part.database",
    "redis": "monitoring.part.redis",
}
_CAUSES = {
    "stub died": "monitoring.cause.died",
    "stub hung": "monitoring.cause.hung",
    "wrong answers": "monitoring.cause.wrong",
    "heal failed": "monitoring.cause.heal_failed",
}
# What a supervisor writes of one step; several stand one behind the other, with commas.
_CAUSE = re.compile(r"([a-z]+): ([a-z ]+)")
# They may come back by themselves, or somebody has asked for it.
_PASSING = frozenset(
    {"starting", "draining", "restarting", "backing_off", "stopping", "loading", "healing"}
)


def show_health(scene: Scene, health: Health | None) -> None:
    """Draw every part, those in trouble first; None where the gateway did not say."""
    texts = scene.texts
    page = Part("ui", "ui", None, "ready", is_well=True, since=_STARTED, reason=None)
    parts = [page, *(health.parts if health else [_silent_gateway(scene)])]
    ill = sum(not part.is_well for part in parts)
    said = texts("monitoring.ill", ill=ill, count=len(parts)) if ill else texts("monitoring.well")
    st.markdown(f"{_sign(is_well=not ill, state='')} **{said}**")
    st.table(
        pd.DataFrame(
            [_row(scene, part) for part in sorted(parts, key=lambda part: part.is_well)],
            columns=[
                texts("monitoring.part_name"),
                texts("monitoring.state_name"),
                texts("monitoring.since"),
                texts("monitoring.reason"),
            ],
        ),
        border="horizontal",
        hide_index=True,
        alt=texts("monitoring.parts_table"),
    )
    with st.expander(texts("monitoring.heals"), key="monitoring_heals"):
        _show_heals(scene, health)


def _silent_gateway(scene: Scene) -> Part:
    return Part(
        "gateway",
        "gateway",
        None,
        "away",
        is_well=False,
        since=None,
        reason=scene.texts("monitoring.gateway_says_nothing"),
    )


def _row(scene: Scene, part: Part) -> tuple[str, str, str, str]:
    state = _STATES.get(part.state)
    word = scene.texts(state) if state else as_code(part.state)
    return (
        _name(part, scene.texts),
        f"{_sign(is_well=part.is_well, state=part.state)} {word}",
        scene.clock(part.since) if part.since else "—",
        escape_markdown(part.reason or ""),
    )


def _name(part: Part, texts: Texts) -> str:
    if part.kind in _PARTS:
        return texts(_PARTS[part.kind])
    if part.server is None:
        return as_code(part.name)
    return texts("monitoring.on_server", name=as_code(part.name), server=as_code(part.server))


def _sign(*, is_well: bool, state: str) -> str:
    if is_well:
        return ":green[:material/check_circle:]"
    return ":orange[:material/pending:]" if state in _PASSING else ":red[:material/error:]"


def _show_heals(scene: Scene, health: Health | None) -> None:
    if health is None or not health.heals:
        st.caption(scene.texts("monitoring.no_heals"))
        return
    st.markdown("\n".join(f"- {_heal_line(scene, heal)}" for heal in health.heals))


def _heal_line(scene: Scene, heal: Heal) -> str:
    return scene.texts(
        "monitoring.healed",
        clock=scene.clock(heal.at),
        what=_what_happened(heal, scene.texts),
        server=as_code(heal.server),
        seconds=heal.seconds,
    )


def _what_happened(heal: Heal, texts: Texts) -> str:
    """In the reader's words where the cause is one of the supervisor's own, else as it wrote it."""
    causes = heal.cause.split(", ")
    found = [_CAUSE.fullmatch(cause) for cause in causes]
    if heal.release is None or not all(it and it[2] in _CAUSES for it in found):
        whose = f"{as_code(heal.release)}: " if heal.release else ""
        return f"{whose}{escape_markdown(heal.cause)}"
    release = as_code(heal.release)
    said = [texts(_CAUSES[it[2]], step=as_code(it[1]), release=release) for it in found if it]
    return ", ".join(said)
