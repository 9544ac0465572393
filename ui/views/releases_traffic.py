"""The part of the Releases page on traffic: what an alias means, and changing it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from ui.calls.releases import Release
from ui.calls.rollouts import Rollout, list_rollouts
from ui.calls.route_changes import (
    Meaning,
    RouteChange,
    SeenRoute,
    look_at_route,
    promote,
    roll_back,
    set_route,
    what_rollback_brings,
)
from ui.components.confirmation import Question, ask
from ui.components.live_look import look, watch
from ui.components.notices import show_placeholder
from ui.route_words import change_in_words, shares_in_words
from ui.scene import Scene
from ui.traffic_moves import WHOLE
from ui.view_models import as_code
from ui.views.releases_table import look_at_releases
from ui.views.releases_weights import Draft, show_draft

_ROLLOUTS_LOOKED_AT = 20


def show_traffic(scene: Scene) -> None:
    """Draw what an alias means, and everything that can be done about it."""
    releases = look_at_releases(scene)
    aliases = sorted({alias for it in releases for alias in it.routed_by})
    if not aliases:
        show_placeholder(scene.texts("releases.traffic.no_alias"))
        return
    alias = st.selectbox(scene.texts("releases.traffic.alias"), aliases, key="releases_alias")
    seen = look_at_alias(scene, alias)
    if seen is None:
        return
    draft = Draft.current(seen)
    watch(_live_meaning, scene, draft)
    then = _what_comes_back(scene, draft.seen)
    # A part of its own that asks nobody anything: it follows a slider while that is moved.
    st.fragment(_show_work)(scene, draft, _eligible(seen, releases), then)


def look_at_alias(scene: Scene, alias: str) -> SeenRoute | None:
    """What an alias means now; None where nobody tells."""
    return look(scene, f"route {alias}", partial(look_at_route, scene.caller, alias))


def _live_meaning(scene: Scene, draft: Draft) -> None:
    texts = scene.texts
    seen = look_at_alias(scene, draft.seen.alias)
    if seen is None:
        return
    st.markdown(
        texts(
            "releases.traffic.now",
            shares=shares_in_words(seen.meaning, texts),
            revision=seen.meaning.revision,
        )
    )
    if seen.etag == draft.seen.etag:
        return
    if not draft.is_begun:
        st.rerun()
    st.warning(texts("releases.traffic.changed_meanwhile"), icon=":material/sync_problem:")
    if st.button(texts("releases.traffic.start_anew"), key="releases_start_anew"):
        Draft.forget()
        st.rerun()


def _eligible(seen: SeenRoute, releases: tuple[Release, ...]) -> list[str]:
    """Who may get traffic: the arms, and what is ready and made for the alias."""
    ready = [it.name for it in releases if it.is_ready and it.alias == seen.alias]
    return list(dict.fromkeys([*seen.meaning.shares, *ready]))


def _show_work(scene: Scene, draft: Draft, eligible: list[str], then: RouteChange | None) -> None:
    wanted = show_draft(scene, draft, eligible)
    changes = change_in_words(draft.seen.meaning, wanted, scene.texts) if wanted else []
    if wanted is not None:
        _show_preview(scene, changes)
    with st.container(horizontal=True):
        _show_apply(scene, draft.seen, wanted or draft.seen.meaning, changes)
        _show_promotions(scene, draft.seen)
        _show_rollback(scene, draft.seen, then)


def _show_preview(scene: Scene, changes: list[str]) -> None:
    texts = scene.texts
    if changes:
        st.markdown(f"**{texts('releases.traffic.preview')}**")
        st.markdown("\n".join(f"- {sentence}" for sentence in changes))
    else:
        st.caption(texts("releases.traffic.nothing_changes"))


def _show_apply(scene: Scene, seen: SeenRoute, wanted: Meaning, changes: list[str]) -> None:
    if st.button(
        scene.texts("releases.traffic.apply"),
        type="primary",
        icon=":material/check:",
        disabled=not changes,
    ):
        act = partial(set_route, scene.caller, seen, wanted)
        ask(_question(scene, seen, changes, act, button="releases.traffic.apply"))


def _show_promotions(scene: Scene, seen: SeenRoute) -> None:
    meaning = seen.meaning
    named = dict.fromkeys(meaning.shares)
    if meaning.shadow is not None:
        named[meaning.shadow.release] = None
    for release in named:
        if meaning.shares.get(release, 0.0) >= WHOLE:
            continue
        label = scene.texts("releases.traffic.promote", release=as_code(release))
        if st.button(label, icon=":material/trending_up:", key=f"promote {release}"):
            after = scene.texts("releases.traffic.all_to", release=as_code(release))
            act = partial(promote, scene.caller, seen, release)
            ask(_question(scene, seen, [after], act, button="releases.traffic.promote_yes"))


def _show_rollback(scene: Scene, seen: SeenRoute, then: RouteChange | None) -> None:
    texts = scene.texts
    if then is None:
        st.caption(texts("releases.traffic.nothing_before"))
        return
    shares = shares_in_words(then.meaning, texts)
    label = texts("releases.traffic.roll_back", shares=shares)
    if st.button(label, icon=":material/undo:", key="releases_roll_back"):
        changes = change_in_words(seen.meaning, then.meaning, texts)
        after = [texts("releases.traffic.back_to", shares=shares), *changes]
        act = partial(roll_back, scene.caller, seen)
        ask(_question(scene, seen, after, act, button="releases.traffic.roll_back_yes"))


def _what_comes_back(scene: Scene, seen: SeenRoute) -> RouteChange | None:
    """Asked for once per revision; the history of a revision never changes."""
    name = f"back {seen.alias} {seen.meaning.revision}"
    return look(scene, name, partial(what_rollback_brings, scene.caller, seen.alias))


def _question(
    scene: Scene,
    seen: SeenRoute,
    sentences: list[str],
    act: Callable[[str], None],
    *,
    button: str,
) -> Question:
    texts = scene.texts
    heading = texts("releases.traffic.of_alias", alias=as_code(seen.alias))

    def act_and_begin_anew(reason: str) -> None:
        act(reason)
        Draft.forget()

    ends = [texts("releases.traffic.ends_rollout")] if _rollout_of(scene, seen.alias) else []
    return Question(
        title=texts("releases.traffic.title"),
        sentences=(heading, "\n".join(f"- {sentence}" for sentence in sentences), *ends),
        button=texts(button),
        act=act_and_begin_anew,
        done=texts("releases.traffic.done"),
    )


def _rollout_of(scene: Scene, alias: str) -> Rollout | None:
    """The rollout of an alias that is under way, if one is."""
    asked = partial(list_rollouts, scene.caller, _ROLLOUTS_LOOKED_AT)
    found = look(scene, "rollouts", asked) or ()
    return next((it for it in found if it.alias == alias and it.is_live), None)
