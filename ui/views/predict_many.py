"""Predict, many pictures or texts: ask side by side, then one row for each.

What is asked runs in the run of the page: who leaves the page, or touches anything on it, ends
that run, and the next one goes on where it was. Outcomes stay; bytes stay in the upload field
alone, and it is emptied once nothing is left to ask.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import view_models
from ui.calls.many_predictions import News, ask_many
from ui.calls.predictions import Prediction, predict
from ui.calls.routes import Route
from ui.calls.thumbnails import ask_thumbnail
from ui.components.image_input import empty_upload
from ui.components.many_results import show_many_results
from ui.components.notices import show_placeholder
from ui.components.rate_limit_banner import is_limited
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.outcome import Outcome
from ui.scene import Scene
from ui.session import note_request
from ui.views.predict_one import as_request
from ui.written_text import WrittenText

# Key in session_state.
BATCH = "batch"

NAME_CHARACTERS = 80


@dataclass
class Batch:
    """What was asked about together.

    Attributes:
        names: Of all, in their order.
        outcomes: By place; what has none yet was not asked, or is worth asking again.
        is_stopped: The person wants no more of it.
    """

    alias: str
    task: str
    top_k: int
    names: tuple[str, ...]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    is_stopped: bool = False

    def fits(self, route: Route, top_k: int, given: tuple[EncodedImage | WrittenText, ...]) -> bool:
        """Whether it is what would be asked now; once nothing more is given, it just stays."""
        is_same = (self.alias, self.top_k, len(self.names)) == (route.alias, top_k, len(given))
        return is_same or not given

    @property
    def is_complete(self) -> bool:
        """Whether each has an outcome."""
        return len(self.outcomes) == len(self.names)

    @property
    def passing_failures(self) -> list[int]:
        """Places of failures that asking again may mend."""
        return [
            place
            for place, outcome in self.outcomes.items()
            if outcome.problem is not None and not outcome.problem.is_lasting
        ]


def has_batch(route: Route) -> bool:
    """Whether there are outcomes to show for a model of this kind."""
    batch = _current()
    return batch is not None and batch.task == route.task


def forget_batch() -> None:
    """Something else was given."""
    st.session_state.pop(BATCH, None)


def show_many(
    scene: Scene,
    route: Route,
    given: tuple[EncodedImage | WrittenText, ...],
    top_k: int,
    *,
    table: DeltaGenerator,
) -> None:
    """Ask what is left to ask, and draw what is known, its rows at the place for the table."""
    batch = _current()
    if batch is None or not batch.fits(route, top_k, given):
        names = tuple(_name(item) for item in given)
        batch = st.session_state[BATCH] = Batch(route.alias, route.task, top_k, names)
    if given and not batch.is_complete and not batch.is_stopped:
        if not scene.status.is_ready or is_limited(scene):
            show_placeholder(scene.texts("predict.many_when_ready", number=len(batch.names)))
        else:
            _ask(scene, batch, given)
    if batch.outcomes:
        in_order = [batch.outcomes[place] for place in sorted(batch.outcomes)]
        show_many_results(in_order, batch.task, scene.texts, place=table)
    _offer_more(scene, batch, has_givens=bool(given))


def _current() -> Batch | None:
    batch: Batch | None = st.session_state.get(BATCH)
    return batch


def _name(given: EncodedImage | WrittenText) -> str:
    if isinstance(given, EncodedImage):
        return given.name
    return view_models.shorten(given.text, NAME_CHARACTERS)


def _ask(scene: Scene, batch: Batch, given: tuple[EncodedImage | WrittenText, ...]) -> None:
    """Ask about whatever has no outcome yet, with a bar that moves."""
    left = {place: it for place, it in enumerate(given) if place not in batch.outcomes}
    note_request(as_request(next(iter(left.values())), batch.alias, batch.top_k))
    caller, alias, top_k = scene.caller, batch.alias, batch.top_k

    def ask(item: EncodedImage | WrittenText) -> tuple[Prediction, str]:
        answer = predict(caller, item, alias=alias, top_k=top_k)
        if isinstance(item, WrittenText):
            return answer, ""
        return answer, ask_thumbnail(caller, item, alias=alias)

    with st.container():
        bar = st.progress(0.0)
        st.button(scene.texts("predict.stop"), icon=":material/stop:", on_click=_stop)
        with closing(ask_many(ask, left)) as all_news:
            for news in all_news:
                _note(batch, news)
                part = len(batch.outcomes) / len(batch.names)
                bar.progress(part, text=_how_far(scene, batch, news.waits_seconds))
    if batch.is_complete and not batch.passing_failures:
        empty_upload()
    # Once more, without the bar and with the emptied field.
    st.rerun()


def _note(batch: Batch, news: News[tuple[Prediction, str]]) -> None:
    for place, found in news.outcomes.items():
        answer, thumbnail = (found, "") if isinstance(found, GatewayProblem) else found
        batch.outcomes[place] = Outcome(batch.names[place], answer, thumbnail)


def _how_far(scene: Scene, batch: Batch, waits_seconds: float) -> str:
    done = scene.texts("predict.so_far", done=len(batch.outcomes), number=len(batch.names))
    if waits_seconds <= 0:
        return done
    return f"{done} {scene.texts('predict.waits', seconds=f'{waits_seconds:.0f}')}"


def _stop() -> None:
    batch = _current()
    if batch is not None:
        batch.is_stopped = True


def _go_on(batch: Batch) -> None:
    """Ask again about what is left, and about what may go better now."""
    for place in batch.passing_failures:
        del batch.outcomes[place]
    batch.is_stopped = False


def _offer_more(scene: Scene, batch: Batch, *, has_givens: bool) -> None:
    """Say what is left, and offer to ask about it while its bytes are here."""
    left = len(batch.names) - len(batch.outcomes) + len(batch.passing_failures)
    if not left:
        return
    if not has_givens:
        st.caption(scene.texts("predict.left_behind", left=left))
    elif batch.is_stopped or batch.is_complete:
        st.button(
            scene.texts("predict.go_on", left=left),
            icon=":material/refresh:",
            on_click=_go_on,
            args=(batch,),
        )
