"""Choose releases, give a picture or a text, see what each of them makes of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import streamlit as st

from ui.calls.comparisons import Side, compare
from ui.calls.live_releases import LiveRelease
from ui.calls.routes import IMAGE_TASK, TEXT_TASK
from ui.components.notices import show_placeholder
from ui.components.rate_limit_banner import is_limited, note_rate_limit
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.scene import Scene
from ui.views.compare_choices import comparable, watch_choices
from ui.views.compare_input import choose_input, show_input
from ui.views.compare_result import show_sides
from ui.written_text import WrittenText

logger = logging.getLogger(__name__)

MOST_RELEASES = 4

# Keys in session_state. The last one is of the newest comparison, so that a rerun asks nothing.
TASK = "compare_task"
CHOSEN = "compare_chosen"
COMPARISON = "compare_comparison"


@dataclass(frozen=True)
class Comparison:
    """What was compared, and what came of it."""

    digest: str
    releases: tuple[str, ...]
    sides: tuple[Side, ...]


def show_releases(scene: Scene) -> None:
    """Draw this half of the page."""
    by_task = comparable(watch_choices(scene))
    if not by_task:
        return  # whoever watches says what is missing
    input_column, answer_column = st.columns([5, 8], gap="large")
    with input_column:
        task = _choose_task(scene, list(by_task))
        releases = _choose_releases(scene, by_task[task])
        given = choose_input(scene, task, releases[0].alias if releases else "")
        is_wanted = st.button(
            scene.texts("compare.button"),
            type="primary",
            icon=":material/compare_arrows:",
            disabled=not _can_ask(scene, releases, given),
        )
        if given is not None:
            show_input(given, scene.texts)
    with answer_column, st.container(border=True, height="stretch"):
        _show_answer(scene, tuple(it.name for it in releases), given, task, is_wanted=is_wanted)


def _choose_task(scene: Scene, tasks: list[str]) -> str:
    if len(tasks) == 1:
        return tasks[0]
    if st.session_state.get(TASK) not in tasks:
        st.session_state[TASK] = tasks[0]
    names = {IMAGE_TASK: "compare.pictures", TEXT_TASK: "compare.texts"}
    return st.radio(
        scene.texts("compare.task"),
        tasks,
        key=TASK,
        horizontal=True,
        format_func=lambda task: scene.texts(names[task]),
    )


def _choose_releases(scene: Scene, releases: list[LiveRelease]) -> list[LiveRelease]:
    by_name = {it.name: it for it in releases}
    key = f"{CHOSEN}_{releases[0].task}"
    if key not in st.session_state:
        st.session_state[key] = [it.name for it in _first_pair(releases)]
    # One that was unloaded meanwhile is no option any more.
    st.session_state[key] = [name for name in st.session_state[key] if name in by_name]
    chosen = st.multiselect(
        scene.texts("compare.choose"),
        list(by_name),
        key=key,
        max_selections=MOST_RELEASES,
        help=scene.texts("compare.choose_help", most=MOST_RELEASES),
    )
    return [by_name[name] for name in chosen]


def _first_pair(releases: list[LiveRelease]) -> list[LiveRelease]:
    """Two of the same alias, where there are such."""
    for first in releases:
        siblings = [it for it in releases if it.alias == first.alias]
        if len(siblings) > 1:
            return siblings[:2]
    return releases[:2]


def _can_ask(
    scene: Scene, releases: list[LiveRelease], given: EncodedImage | WrittenText | None
) -> bool:
    is_possible = scene.status.is_ready and not is_limited(scene)
    return is_possible and given is not None and len(releases) > 1


def _show_answer(
    scene: Scene,
    releases: tuple[str, ...],
    given: EncodedImage | WrittenText | None,
    task: str,
    *,
    is_wanted: bool,
) -> None:
    texts = scene.texts
    if len(releases) < 2 or given is None:
        missing = "compare.missing_releases" if len(releases) < 2 else "compare.missing_input"
        show_placeholder(texts(missing))
        return
    if is_wanted:
        _ask(scene, releases, given)
    known: Comparison | None = st.session_state.get(COMPARISON)
    if known is None or (known.digest, known.releases) != (given.digest, releases):
        show_placeholder(texts("compare.missing_click"))
        return
    show_sides(known.sides, task, texts)


def _ask(scene: Scene, releases: tuple[str, ...], given: EncodedImage | WrittenText) -> None:
    with st.spinner(scene.texts("compare.working")):
        sides = compare(scene.caller, given, releases)
    for problem in (it for side in sides for it in (side.answer, side.seen)):
        if isinstance(problem, GatewayProblem):
            logger.warning("nothing to compare: %s: %s", type(problem).__name__, problem)
            note_rate_limit(scene, problem)
    st.session_state[COMPARISON] = Comparison(given.digest, releases, sides)
