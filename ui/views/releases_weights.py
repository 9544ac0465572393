"""Sliders for the weights of an alias: one release gets the rest, and what was begun is kept.

No slider moves another one. Two that set each other are set back by answers to moves that are older
than the hand is: whoever presses an arrow key fast would see theirs jump.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ui.calls.route_changes import Meaning, NamedArm, SeenRoute, Shadow
from ui.scene import Scene
from ui.traffic_moves import WHOLE, whole_percents
from ui.view_models import as_code

# Key in session_state: the route that the sliders began from.
DRAFT = "releases_draft"

_USUAL_SHADOW_PERCENT = 10
_NOBODY = ""


@dataclass(frozen=True)
class Draft:
    """A change that somebody works on: `seen` is what they began from."""

    seen: SeenRoute

    @classmethod
    def current(cls, seen: SeenRoute) -> Draft:
        """Go on with what was begun; where nothing was, begin from what is so now."""
        draft: Draft | None = st.session_state.get(DRAFT)
        if draft is None or draft.seen.alias != seen.alias or not draft.is_begun:
            draft = cls(seen)
            st.session_state[DRAFT] = draft
        return draft

    @staticmethod
    def forget() -> None:
        """Begin anew from what is so now, even if that is still what it was."""
        draft: Draft | None = st.session_state.pop(DRAFT, None)
        if draft is None:
            return
        begins = tuple(draft.key(it) for it in ("weight", "shadow", "percent"))
        for key in [str(it) for it in st.session_state]:
            if key.startswith(begins):
                del st.session_state[key]

    @property
    def percents(self) -> dict[str, int]:
        """Where the sliders begin."""
        return whole_percents({arm.release: arm.weight for arm in self.seen.meaning.arms})

    @property
    def is_begun(self) -> bool:
        """Whether somebody has moved something."""
        began, shadow = self.percents, self.seen.meaning.shadow
        moved = any(
            value != began.get(key.rpartition(" ")[2], 0)
            for key, value in st.session_state.items()
            if isinstance(key, str) and key.startswith(self.key("weight"))
        )
        shadowed, copied = (shadow.release, shadow.percent) if shadow else (_NOBODY, None)
        is_other = st.session_state.get(self.key("shadow"), shadowed) != shadowed
        is_more = copied is not None and st.session_state.get(self.key("percent"), copied) != copied
        return moved or is_other or is_more

    def key(self, what: str) -> str:
        """Of a widget: with another state of the route comes another widget."""
        return f"{self.seen.alias} {self.seen.etag} {what} "


def show_draft(scene: Scene, draft: Draft, eligible: Sequence[str]) -> Meaning | None:
    """Draw the sliders and the shadow; what the alias would mean, None where that cannot be."""
    weights_column, shadow_column = st.columns([3, 2], gap="large")
    with weights_column:
        percents = _show_sliders(scene, draft, eligible)
    with shadow_column:
        shadow = _show_shadow(scene, draft, eligible)
    return None if percents is None else _wanted(draft.seen.meaning, percents, shadow)


def _wanted(meaning: Meaning, percents: dict[str, int], shadow: Shadow | None) -> Meaning:
    """Arms keep their names and their places; who has nothing and is new stays away."""
    known = {arm.release: arm for arm in meaning.arms}
    if percents == whole_percents({arm.release: arm.weight for arm in meaning.arms}):
        return Meaning(meaning.arms, shadow, meaning.sticky, meaning.revision)
    arms = tuple(
        NamedArm(release, percent, known[release].name if release in known else "")
        for release, percent in percents.items()
        if release in known or percent > 0
    )
    return Meaning(arms, shadow, meaning.sticky, meaning.revision)


def _show_sliders(scene: Scene, draft: Draft, eligible: Sequence[str]) -> dict[str, int] | None:
    texts, began = scene.texts, draft.percents
    st.markdown(f"**{texts('releases.traffic.weights')}**")
    if len(eligible) == 1:
        st.caption(texts("releases.traffic.only_one", release=as_code(eligible[0])))
        return began
    rest = max(eligible, key=lambda release: began.get(release, 0))
    chosen = {it: _show_slider(draft, it) for it in eligible if it != rest}
    left = WHOLE - sum(chosen.values())
    if left < 0:
        st.error(texts("releases.traffic.too_much", percent=WHOLE - left))
        return None
    st.markdown(texts("releases.traffic.rest", release=as_code(rest), percent=left))
    percents = {release: chosen.get(release, left) for release in eligible}
    return {name: it for name, it in percents.items() if name in began or it > 0}


def _show_slider(draft: Draft, release: str) -> int:
    key = draft.key("weight") + release
    st.session_state.setdefault(key, draft.percents.get(release, 0))
    return int(st.slider(as_code(release), 0, WHOLE, format="%d %%", key=key))


def _show_shadow(scene: Scene, draft: Draft, eligible: Sequence[str]) -> Shadow | None:
    texts, shadow = scene.texts, draft.seen.meaning.shadow
    st.markdown(f"**{texts('releases.traffic.shadow')}**")
    st.caption(texts("releases.traffic.shadow_help"))
    known = [shadow.release] if shadow else []
    # Who gets everything would get copies of nothing.
    others = [it for it in eligible if draft.percents.get(it, 0) < WHOLE]
    options = [_NOBODY, *dict.fromkeys([*known, *others])]
    key, percent_key = draft.key("shadow"), draft.key("percent")
    st.session_state.setdefault(key, shadow.release if shadow else _NOBODY)
    release = st.selectbox(
        texts("releases.traffic.shadow_release"),
        options,
        format_func=lambda it: it or texts("releases.traffic.shadow_nobody"),
        key=key,
    )
    if not release:
        return None
    usual = shadow.percent if shadow else float(_USUAL_SHADOW_PERCENT)
    st.session_state.setdefault(percent_key, usual)
    percent = st.number_input(
        texts("releases.traffic.shadow_percent"), 0.1, 100.0, step=1.0, key=percent_key
    )
    return Shadow(release, float(percent))
