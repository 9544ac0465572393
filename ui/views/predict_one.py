"""Predict, one picture or text: ask once, show the answer, then what takes longer to find out."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import streamlit as st

from ui import view_models
from ui.calls.identity import Identity
from ui.calls.predictions import Prediction, predict
from ui.calls.routes import Route
from ui.calls.waterfall import Waterfall, ask_waterfall
from ui.components.downloads import show_downloads
from ui.components.notices import show_notice, show_placeholder
from ui.components.prediction_result import show_prediction
from ui.components.preview_picture import show_preview
from ui.components.rate_limit_banner import is_limited, note_rate_limit
from ui.components.waterfall_chart import show_waterfall
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.outcome import Outcome
from ui.plain_words import asked_of, problem_notice
from ui.scene import Scene
from ui.session import LastRequest, note_request
from ui.task_words import words_for
from ui.written_text import WrittenText

logger = logging.getLogger(__name__)

# Keys in session_state of the newest answer and of its trace, so that a rerun of the page asks
# nothing again.
ANSWER = "answer"
TRACE = "trace"

_METRICS = "metrics"


@dataclass(frozen=True)
class Question:
    """What makes two requests the same one."""

    digest: str
    alias: str
    top_k: int


@dataclass(frozen=True)
class Answer:
    """The outcome of a question: a prediction, or a refusal that asking again would not change.

    A refusal is kept as it came: the reader may choose another language.
    """

    question: Question
    outcome: Prediction | GatewayProblem


@dataclass(frozen=True)
class Trace:
    """Where the time of a request went, as far as anybody could tell."""

    request_id: str
    waterfall: Waterfall | None


def show_one(scene: Scene, route: Route, given: EncodedImage | WrittenText, top_k: int) -> None:
    """Ask about it, unless its answer is known, and draw the answer or why there is none."""
    question = Question(given.digest, route.alias, top_k)
    outcome = _remembered(question)
    if outcome is None and (not scene.status.is_ready or is_limited(scene)):
        name = view_models.escape_markdown(given_name(scene, given))
        show_placeholder(scene.texts("predict.classified_when_ready", name=name))
        return
    if outcome is None:
        outcome = _ask(scene, given, question, route)
    if isinstance(outcome, Prediction):
        _show_all(scene, given, outcome)
        return
    show_notice(problem_notice(outcome, scene.texts, asked_of(route.task)))
    if not outcome.is_lasting:
        st.button(scene.texts("page.try_again"), icon=":material/refresh:")


def forget_answer() -> None:
    """Ask anew, even if the same is given again."""
    st.session_state.pop(ANSWER, None)


def may_trace(identity: Identity | None) -> bool:
    """Whether a key may have its requests traced; the gateway refuses those of others."""
    return identity is not None and (identity.is_admin or _METRICS in identity.scopes)


def given_name(scene: Scene, given: EncodedImage | WrittenText) -> str:
    """What to call it."""
    return given.name if isinstance(given, EncodedImage) else scene.texts("predict.your_text")


def as_request(given: EncodedImage | WrittenText, alias: str, top_k: int) -> LastRequest:
    """What the API page writes out: everything but the bytes of a picture."""
    if isinstance(given, WrittenText):
        return LastRequest(alias, top_k, texts=(given.text,))
    return LastRequest(alias, top_k, given.name, given.content_type)


def _remembered(question: Question) -> Prediction | GatewayProblem | None:
    answer: Answer | None = st.session_state.get(ANSWER)
    return answer.outcome if answer is not None and answer.question == question else None


def _ask(
    scene: Scene, given: EncodedImage | WrittenText, question: Question, route: Route
) -> Prediction | GatewayProblem:
    """Ask the gateway and remember the outcome, unless trying again could bring another one."""
    outcome: Prediction | GatewayProblem
    note_request(as_request(given, question.alias, question.top_k))
    try:
        with st.spinner(words_for(route, scene.texts).working):
            outcome = predict(
                scene.caller,
                given,
                alias=question.alias,
                top_k=question.top_k,
                is_traced=may_trace(scene.status.identity),
            )
    except GatewayProblem as problem:
        logger.warning("no prediction: %s: %s", type(problem).__name__, problem)
        note_rate_limit(scene, problem)
        outcome = problem.bare()
        if not problem.is_lasting:
            return outcome
    st.session_state[ANSWER] = Answer(question, outcome)
    return outcome


def _show_all(scene: Scene, given: EncodedImage | WrittenText, prediction: Prediction) -> None:
    """Draw the answer first; the preview and the trace are further requests, and come after it."""
    below_picture = show_prediction(given, prediction, scene.texts)
    show_downloads([Outcome(given_name(scene, given), prediction)], scene.texts)
    if isinstance(given, EncodedImage):
        with below_picture:
            show_preview(scene, prediction.alias, given)
    waterfall = _waterfall(scene, prediction)
    if waterfall is not None:
        st.markdown(f"**{scene.texts('result.waterfall')}**")
        show_waterfall(waterfall, scene.texts)


def _waterfall(scene: Scene, prediction: Prediction) -> Waterfall | None:
    """The trace, or what the answer's own headers told where there is none."""
    if not may_trace(scene.status.identity):
        return prediction.timing
    trace: Trace | None = st.session_state.get(TRACE)
    if trace is None or trace.request_id != prediction.request_id:
        try:
            found: Waterfall | None = ask_waterfall(scene.caller, prediction.request_id)
        except GatewayProblem as problem:
            logger.warning("no trace: %s: %s", type(problem).__name__, problem)
            found = prediction.timing
        trace = Trace(prediction.request_id, found)
        st.session_state[TRACE] = trace
    return trace.waterfall
