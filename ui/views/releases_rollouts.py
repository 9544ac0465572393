"""The part of the Releases page on rollouts: watch one, pause, resume, abort, start another."""

from __future__ import annotations

from datetime import timedelta
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

# Keys in session_state: the rollout that is looked at, and the newest when that was chosen.
_CHOSEN, _NEWEST = "releases_rollout", "releases_newest_rollout"

_SHOWN = 20
# Each step of a rollout is one change of its route; more steps than that are nobody's habit.
_CHANGES = 100
_CHART_PIXELS = 180
_LONG = timedelta(days=1)

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
    # One that has begun since is what has to be watched.
    if st.session_state.get(_NEWEST) != rollouts[0].id:
        st.session_state[_NEWEST] = st.session_state[_CHOSEN] = rollouts[0].id
    chosen = st.selectbox(
        scene.texts("releases.rollout.choose"),
        list(titles),
        format_func=lambda it: titles.get(it, it),
        key=_CHOSEN,
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
    _show_weights(scene, details)
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
    if rollout.is_live:  # since when it is paused nobody tells
        when = texts("releases.rollout.begun", at=scene.clock(rollout.created_at))
    else:
        when = texts("releases.rollout.ended", at=scene.clock(rollout.changed_at))
    st.markdown(
        texts(
            "releases.rollout.standing",
            state=state_in_words(rollout, texts),
            percent=rollout.percent,
            candidate=as_code(rollout.candidate),
            when=when,
        )
    )
    st.caption(texts("refusal.gateway_says", message=escape_markdown(rollout.sentence)))


def _show_weights(scene: Scene, details: RolloutDetails) -> None:
    rollout, texts = details.rollout, scene.texts
    rows = to_weight_rows(rollout, _changes(scene, details), scene.services.now())
    is_long = rows["at"].iloc[-1] - rows["at"].iloc[0] > _LONG
    time_axis = {"format": "%m-%d %H:%M" if is_long else "%H:%M:%S", "tickCount": 5}
    st.vega_lite_chart(
        rows,
        {
            "height": _CHART_PIXELS,
            "mark": {"type": "area", "interpolate": "step-after", "line": True, "opacity": 0.25},
            "encoding": {
                "x": {"field": "at", "type": "temporal", "title": None, "axis": time_axis},
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


def _changes(scene: Scene, details: RolloutDetails) -> tuple[RouteChange, ...]:
    """Those of the rollout among them, however much has become of the route since."""
    rollout, before = details.rollout, None
    if details.steps and not rollout.is_live:
        before = max(it.revision for it in details.steps) + 1
    asked = partial(list_changes, scene.caller, rollout.alias, limit=_CHANGES, before=before)
    return look(scene, f"changes {rollout.alias} {before}", asked) or ()


def _show_checks(scene: Scene, details: RolloutDetails) -> None:
    st.markdown(f"**{scene.texts('releases.rollout.checks')}**")
    st.caption(scene.texts("releases.rollout.checks_help"))
    for check in details.checks:
        progress = 0.0 if check.verdict == "unknown" else check.progress
        st.progress(progress, text=check_in_words(check, scene.texts))
