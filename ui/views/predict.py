"""Predict: choose a model, give a picture or a text, read the answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import streamlit as st

from ui import view_models
from ui.calls.predictions import Prediction, predict
from ui.calls.routes import TEXT_TASK, Route
from ui.components.health_banner import show_health_banner
from ui.components.image_input import choose_image
from ui.components.notices import show_notice, show_placeholder
from ui.components.prediction_result import show_prediction
from ui.components.rate_limit_banner import is_limited, note_rate_limit
from ui.components.sample_gallery import find_samples
from ui.components.sample_texts import find_sample_texts
from ui.components.text_input import choose_text
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.plain_words import Notice, asked_of, problem_notice
from ui.scene import Scene
from ui.session import LastRequest, note_request
from ui.task_words import words_for
from ui.written_text import WrittenText

logger = logging.getLogger(__name__)

MOST_LABELS = 10
USUAL_LABELS = 5

# Key in session_state of the newest answer, so that a rerun of the page asks nothing again.
ANSWER = "answer"


@dataclass(frozen=True)
class Question:
    """What makes two requests the same one."""

    digest: str
    alias: str
    top_k: int


@dataclass(frozen=True)
class Answer:
    """The outcome of a question: a prediction, or a refusal that asking again would not change."""

    question: Question
    outcome: Prediction | Notice


def show_predict_page(scene: Scene) -> None:
    """Draw the whole page; it stays up whatever the service does."""
    route, top_k = _show_sidebar(scene)
    st.title("Triptych")
    st.markdown(words_for(route, scene.texts).invitation)
    show_health_banner(scene)
    input_column, answer_column = st.columns([6, 7], gap="large")
    with input_column:
        given = _show_input(scene, route)
    with answer_column, st.container(border=True, height="stretch"):
        _show_answer(scene, route, given, top_k)


def _show_sidebar(scene: Scene) -> tuple[Route | None, int]:
    with st.sidebar:
        route = _choose_route(scene)
        top_k = st.slider(
            scene.texts("predict.labels_to_show"), 1, MOST_LABELS, USUAL_LABELS, key="top_k"
        )
        st.caption(words_for(route, scene.texts).how_it_works)
    return route, top_k


def _choose_route(scene: Scene) -> Route | None:
    """Let the person choose among several models; name the only one."""
    routes, texts = scene.status.routes, scene.texts
    if not routes:
        st.markdown(texts("model.none"))
        return None
    by_alias = {route.alias: route for route in routes}
    if len(by_alias) == 1:
        route = routes[0]
        st.markdown(texts("model.only", alias=view_models.escape_markdown(route.alias)))
    else:
        route = by_alias[st.selectbox(texts("model.label"), list(by_alias), key="alias")]
    st.caption(view_models.to_route_caption(route, texts))
    return route


def _show_input(scene: Scene, route: Route | None) -> EncodedImage | WrittenText | None:
    settings, is_ready = scene.settings, scene.status.is_ready
    if route is not None and route.task == TEXT_TASK:
        return choose_text(
            scene.texts,
            samples=find_sample_texts(settings.examples_dir, route.alias),
            disabled=not is_ready,
            on_given=_forget_answer,
        )
    return choose_image(
        scene.texts,
        samples=find_samples(settings.examples_dir, route.alias) if route else (),
        max_upload_megabytes=settings.max_upload_megabytes,
        disabled=not is_ready or route is None,
        on_given=_forget_answer,
    )


def _show_answer(
    scene: Scene, route: Route | None, given: EncodedImage | WrittenText | None, top_k: int
) -> None:
    if route is None or given is None:
        show_placeholder(_what_is_missing(scene, route))
        return
    # A model with few classes is not asked for more labels than it has: that would be refused.
    question = Question(given.digest, route.alias, min(top_k, route.most_labels or top_k))
    outcome = _remembered(question)
    if outcome is None and (not scene.status.is_ready or is_limited(scene)):
        name = view_models.escape_markdown(given.name)
        show_placeholder(scene.texts("predict.classified_when_ready", name=name))
        return
    if outcome is None:
        outcome = _ask(scene, given, question, route)
    if isinstance(outcome, Prediction):
        show_prediction(given, outcome, scene.texts)
        return
    show_notice(outcome)
    if outcome.can_try_again:
        st.button(scene.texts("page.try_again"), icon=":material/refresh:")


def _what_is_missing(scene: Scene, route: Route | None) -> str:
    if not scene.status.is_ready:
        return scene.texts("predict.appears_when_ready")
    return words_for(route, scene.texts).missing


def _remembered(question: Question) -> Prediction | Notice | None:
    answer: Answer | None = st.session_state.get(ANSWER)
    return answer.outcome if answer is not None and answer.question == question else None


def _forget_answer() -> None:
    st.session_state.pop(ANSWER, None)


def _ask(
    scene: Scene, given: EncodedImage | WrittenText, question: Question, route: Route
) -> Prediction | Notice:
    """Ask the gateway and remember the outcome, unless trying again could bring another one."""
    outcome: Prediction | Notice
    note_request(_as_request(given, question))
    try:
        with st.spinner(words_for(route, scene.texts).working):
            outcome = predict(scene.caller, given, alias=question.alias, top_k=question.top_k)
    except GatewayProblem as problem:
        logger.warning("no prediction: %s: %s", type(problem).__name__, problem)
        note_rate_limit(scene, problem)
        outcome = problem_notice(problem, scene.texts, asked_of(route.task))
        if outcome.can_try_again:
            return outcome
    st.session_state[ANSWER] = Answer(question, outcome)
    return outcome


def _as_request(given: EncodedImage | WrittenText, question: Question) -> LastRequest:
    if isinstance(given, WrittenText):
        return LastRequest(question.alias, question.top_k, texts=(given.text,))
    return LastRequest(question.alias, question.top_k, given.name, given.content_type)
