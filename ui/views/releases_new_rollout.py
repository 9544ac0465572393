"""The form that starts a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from ui.calls.releases import Release
from ui.calls.rollouts import Rollout, start_rollout
from ui.components.confirmation import Question, ask
from ui.scene import Scene
from ui.view_models import as_code
from ui.views.releases_table import look_at_releases

# Those of docs/releases.md, which the gateway has, too; they are sent along, so that what is shown
# is what is asked for.
USUAL_STEPS = (1, 5, 25, 50, 100)
USUAL_TERMS: dict[str, float] = {
    "step_seconds": 60.0,
    "mirror_percent": 10.0,
    "min_requests": 50,
    "min_pairs": 100,
    "alpha": 0.05,
    "error_margin": 0.005,
    "latency_margin": 0.1,
    "disagreement_limit": 0.01,
}
_LABELS = {
    "step_seconds": "releases.term.step_seconds",
    "mirror_percent": "releases.term.mirror_percent",
    "min_requests": "releases.term.min_requests",
    "min_pairs": "releases.term.min_pairs",
    "alpha": "releases.term.alpha",
    "error_margin": "releases.term.error_margin",
    "latency_margin": "releases.term.latency_margin",
    "disagreement_limit": "releases.term.disagreement_limit",
}
# The rest is for whoever knows what it means.
_PLAIN = ("step_seconds", "mirror_percent", "min_requests", "min_pairs")


def show_new_rollout(scene: Scene, rollouts: Sequence[Rollout]) -> None:
    """Draw the form, closed at first; an alias with a rollout under way is not offered."""
    texts = scene.texts
    busy = {it.alias for it in rollouts if it.is_live}
    candidates = _candidates(look_at_releases(scene), busy)
    with st.expander(texts("releases.rollout.start"), icon=":material/add:"):
        if not candidates:
            st.caption(texts("releases.rollout.no_candidate"))
            return
        alias = st.selectbox(
            texts("releases.traffic.alias"), list(candidates), key="releases_new_alias"
        )
        candidate = st.selectbox(
            texts("releases.rollout.candidate_label"),
            candidates.get(alias, []),
            key="releases_new_candidate",
        )
        steps = _parsed_steps(_ask_steps(scene))
        terms = _ask_terms(scene)
        if steps is None:
            st.caption(f":red[{texts('releases.term.steps_wrong')}]")
        is_sure = st.button(
            texts("releases.rollout.begin"),
            type="primary",
            icon=":material/play_arrow:",
            disabled=steps is None or candidate is None,
        )
        if is_sure and steps and candidate:
            ask(_question(scene, alias, candidate, {"steps": steps, **terms}))


def _candidates(releases: Sequence[Release], busy: set[str]) -> dict[str, list[str]]:
    """By alias: whom it could be moved to. A release need not be loaded: the worker does that."""
    aliases = sorted({alias for it in releases for alias in it.routed_by} - busy)
    usable = [it for it in releases if it.broken is None and it.is_promotable]
    found = {
        alias: [it.name for it in usable if it.alias == alias and not _has_all(it, alias, releases)]
        for alias in aliases
    }
    return {alias: names for alias, names in found.items() if names}


def _has_all(release: Release, alias: str, releases: Sequence[Release]) -> bool:
    """Whether the alias names nobody else."""
    named = [it.name for it in releases if alias in it.routed_by]
    return named == [release.name]


def _ask_steps(scene: Scene) -> str:
    return st.text_input(
        scene.texts("releases.term.steps"),
        value=", ".join(map(str, USUAL_STEPS)),
        help=scene.texts("releases.term.steps_help"),
        key="releases_new_steps",
    )


def _parsed_steps(text: str) -> list[int] | None:
    """Rising percents of which the last is 100; None for anything else."""
    parts = [part.strip() for part in text.replace("%", "").split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) <= 3 for part in parts):
        return None
    steps = [int(part) for part in parts]
    is_rising = all(one < another for one, another in zip([0, *steps], steps, strict=False))
    return steps if is_rising and steps[-1] == 100 else None


def _ask_terms(scene: Scene) -> dict[str, float]:
    texts = scene.texts
    columns = st.columns(len(_PLAIN))
    terms = {}
    for name, column in zip(_PLAIN, columns, strict=True):
        with column:
            terms[name] = _ask_number(scene, name)
    with st.popover(texts("releases.term.more")):
        for name in USUAL_TERMS:
            if name not in _PLAIN:
                terms[name] = _ask_number(scene, name)
    return terms


def _ask_number(scene: Scene, name: str) -> float:
    usual = USUAL_TERMS[name]
    is_share = usual < 1
    value = st.number_input(
        scene.texts(_LABELS[name]),
        min_value=type(usual)(0),
        max_value=0.999 if is_share else None,
        value=usual,
        step=type(usual)(0.005 if is_share else 1),
        format="%.3f" if is_share else None,
        key=f"releases_new_{name}",
    )
    return type(usual)(value)


def _question(scene: Scene, alias: str, candidate: str, terms: dict[str, object]) -> Question:
    texts = scene.texts
    steps = terms["steps"]
    told = " → ".join(f"{percent} %" for percent in steps) if isinstance(steps, list) else ""
    return Question(
        title=texts("releases.rollout.start"),
        sentences=(
            texts("releases.rollout.of", candidate=as_code(candidate), alias=as_code(alias)),
            texts("releases.rollout.begin_body", steps=told),
        ),
        button=texts("releases.rollout.begin"),
        act=partial(start_rollout, scene.caller, alias, candidate, terms),
        done=texts("releases.rollout.done"),
    )
