"""The part of the Releases page on rollouts: watch one, pause, resume, abort, start another."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.calls.rollouts import (
    PAUSED,
    RUNNING,
    Rollout,
    RolloutDetails,
    change_rollout,
    list_rollouts,
    look_at_rollout,
)
from ui.calls.route_changes import RouteChange, list_changes
from ui.components.confirmation import Question, ask
from ui.components.live_look import look, watch
from ui.components.notices import show_placeholder
from ui.rollout_words import (
    check_in_words,
    state_in_words,
    to_decision_rows,
    to_step_rows,
    to_weight_rows,
)
from ui.scene import Scene
from ui.view_models import as_code, escape_markdown
from ui.views.releases_new_rollout import show_new_rollout

_SHOWN = 20
# Each step of a rollout is one change of its route; more steps than that are nobody's habit.
_CHANGES = 100
_CHART_PIXELS = 180

# By the last part of the path: button, what it does, icon.
_ORDERS = {
    "pause": ("releases.rollout.pause", "releases.rollout.pause_body", ":material/pause:"),
    "resume": ("releases.rollout.resume", "releases.rollout.resume_body", ":material/play_arrow:"),
    "abort": ("releases.rollout.abort", "releases.rollout.abort_body", ":material/undo:"),
}


def look_at_rollouts(scene: Scene) -> tuple[Rollout, ...]:
    """The newest rollouts; none where nobody tells."""
    return look(scene, "rollouts", partial(list_rollouts, scene.caller, _SHOWN)) or ()


def show_rollouts(scene: Scene) -> None:
    """Draw the rollout that is chosen, the newest by itself, and the form for another one."""
    rollouts = look_at_rollouts(scene)
    show_new_rollout(scene, rollouts)
    watch(_live_list, scene, _shape(rollouts))
    if not rollouts:
        return
    by_id = {it.id: it for it in rollouts}
    titles = {it.id: _title(scene, it) for it in rollouts}
    chosen = st.selectbox(
        scene.texts("releases.rollout.choose"),
        list(titles),
        format_func=lambda it: titles.get(it, it),
        key="releases_rollout",
    )
    rollout = by_id.get(chosen, rollouts[0])
    _show_orders(scene, rollout)
    watch(_live_rollout, scene, rollout)


def _shape(rollouts: tuple[Rollout, ...]) -> tuple[object, ...]:
    """What the parts outside the live ones are drawn from."""
    return tuple((it.id, it.state) for it in rollouts)


def _live_list(scene: Scene, drawn: tuple[object, ...]) -> None:
    rollouts = look_at_rollouts(scene)
    if _shape(rollouts) != drawn:
        st.rerun()
    if not rollouts:
        show_placeholder(scene.texts("releases.rollout.none"))


def _title(scene: Scene, rollout: Rollout) -> str:
    begun = scene.clock(rollout.created_at)
    return f"{rollout.alias}: {rollout.stable} → {rollout.candidate} ({begun})"


def _show_orders(scene: Scene, rollout: Rollout) -> None:
    if not rollout.is_live:
        return
    possible = {RUNNING: ["pause", "abort"], PAUSED: ["resume", "abort"]}
    with st.container(horizontal=True):
        for order in possible.get(rollout.state, ["abort"]):
            name, _, icon = _ORDERS[order]
            if st.button(scene.texts(name), icon=icon, key=f"rollout {order}"):
                ask(_question(scene, rollout, order))


def _question(scene: Scene, rollout: Rollout, order: str) -> Question:
    texts = scene.texts
    name, body, _ = _ORDERS[order]
    candidate, alias = as_code(rollout.candidate), as_code(rollout.alias)
    return Question(
        title=texts("releases.rollout.title"),
        sentences=(
            texts("releases.rollout.of", candidate=candidate, alias=alias),
            texts(body, stable=as_code(rollout.stable)),
        ),
        button=texts(name),
        act=partial(change_rollout, scene.caller, rollout.id, order),
        done=texts("releases.rollout.done"),
    )


def _live_rollout(scene: Scene, drawn: Rollout) -> None:
    asked = partial(look_at_rollout, scene.caller, drawn.id)
    details: RolloutDetails | None = look(scene, f"rollout {drawn.id}", asked)
    if details is None:
        return
    _show_standing(scene, details.rollout)
    _show_weights(scene, details.rollout)
    if details.checks:
        _show_checks(scene, details)
    if details.steps:
        st.table(
            to_step_rows(details.steps, scene.texts),
            border="horizontal",
            hide_index=True,
            alt=scene.texts("releases.rollout.steps"),
        )
    if details.decisions:
        st.markdown(f"**{scene.texts('releases.rollout.decisions')}**")
        st.table(
            to_decision_rows(details.decisions, scene.texts, scene.clock),
            border="horizontal",
            hide_index=True,
            alt=scene.texts("releases.rollout.decisions"),
        )


def _show_standing(scene: Scene, rollout: Rollout) -> None:
    texts = scene.texts
    state = state_in_words(rollout, texts)
    st.markdown(
        texts(
            "releases.rollout.standing",
            state=state,
            percent=rollout.percent,
            candidate=as_code(rollout.candidate),
            since=scene.clock(rollout.changed_at if not rollout.is_live else rollout.created_at),
        )
    )
    st.caption(texts("refusal.gateway_says", message=escape_markdown(rollout.sentence)))


def _show_weights(scene: Scene, rollout: Rollout) -> None:
    changes = _changes(scene, rollout)
    texts = scene.texts
    st.vega_lite_chart(
        to_weight_rows(rollout, changes, scene.services.now()),
        {
            "height": _CHART_PIXELS,
            "mark": {"type": "area", "interpolate": "step-after", "line": True, "opacity": 0.25},
            "encoding": {
                "x": {"field": "at", "type": "temporal", "title": None},
                "y": {
                    "field": "percent",
                    "type": "quantitative",
                    "scale": {"domain": [0, 100]},
                    "title": texts("releases.rollout.share_of", candidate=rollout.candidate),
                },
            },
        },
        key=f"weights {rollout.id}",
        alt=texts("releases.rollout.chart", candidate=rollout.candidate, percent=rollout.percent),
    )


def _changes(scene: Scene, rollout: Rollout) -> tuple[RouteChange, ...]:
    asked = partial(list_changes, scene.caller, rollout.alias, limit=_CHANGES)
    return look(scene, f"changes {rollout.alias}", asked) or ()


def _show_checks(scene: Scene, details: RolloutDetails) -> None:
    st.markdown(f"**{scene.texts('releases.rollout.checks')}**")
    st.caption(scene.texts("releases.rollout.checks_help"))
    for check in details.checks:
        progress = 0.0 if check.verdict == "unknown" else check.progress
        st.progress(progress, text=check_in_words(check, scene.texts))
