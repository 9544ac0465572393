"""The page: choose a model, give a picture or a text, read the answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import streamlit as st

from ui import view_models
from ui.components.health_banner import show_health_banner
from ui.components.image_input import choose_image
from ui.components.prediction_result import show_notice, show_placeholder, show_prediction
from ui.components.sample_gallery import find_samples
from ui.components.sample_texts import find_sample_texts
from ui.components.text_input import choose_text
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.gateway_answers import TEXT_TASK, Prediction, Route
from ui.gateway_client import GatewayClient, Given
from ui.plain_words import Notice, problem_notice
from ui.service_watch import ServiceStatus
from ui.services import Services
from ui.settings import UiSettings
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


def show_predict_page(services: Services) -> None:
    """Draw the whole page; it stays up whatever the service does."""
    status = services.watch.current()
    route, top_k = _show_sidebar(status)
    st.title("Triptych")
    st.markdown(words_for(route).invitation)
    show_health_banner(services, drawn_for=status)
    input_column, answer_column = st.columns([6, 7], gap="large")
    with input_column:
        given = _show_input(services.settings, status, route)
    with answer_column, st.container(border=True, height="stretch"):
        _show_answer(services.client, status, route, given, top_k)


def _show_sidebar(status: ServiceStatus) -> tuple[Route | None, int]:
    with st.sidebar:
        route = _choose_route(status.routes)
        top_k = st.slider("Labels to show", 1, MOST_LABELS, USUAL_LABELS, key="top_k")
        st.caption(words_for(route).how_it_works)
    return route, top_k


def _choose_route(routes: tuple[Route, ...]) -> Route | None:
    """Let the person choose among several models; name the only one."""
    if not routes:
        st.markdown("**Model**: none yet")
        return None
    by_alias = {route.alias: route for route in routes}
    if len(by_alias) == 1:
        route = routes[0]
        st.markdown(f"**Model**: {view_models.escape_markdown(route.alias)}")
    else:
        route = by_alias[st.selectbox("Model", list(by_alias), key="alias")]
    st.caption(view_models.to_route_caption(route))
    return route


def _show_input(
    settings: UiSettings, status: ServiceStatus, route: Route | None
) -> EncodedImage | WrittenText | None:
    if route is not None and route.task == TEXT_TASK:
        return choose_text(
            samples=find_sample_texts(settings.examples_dir, route.alias),
            disabled=not status.is_ready,
            on_given=_forget_answer,
        )
    return choose_image(
        samples=find_samples(settings.examples_dir, route.alias) if route else (),
        max_upload_megabytes=settings.max_upload_megabytes,
        disabled=not status.is_ready or route is None,
        on_given=_forget_answer,
    )


def _show_answer(
    client: GatewayClient,
    status: ServiceStatus,
    route: Route | None,
    given: EncodedImage | WrittenText | None,
    top_k: int,
) -> None:
    if route is None or given is None:
        show_placeholder(_what_is_missing(status, route))
        return
    # A model with few classes is not asked for more labels than it has: that would be refused.
    question = Question(given.digest, route.alias, min(top_k, route.most_labels or top_k))
    outcome = _remembered(question)
    if outcome is None and not status.is_ready:
        name = view_models.escape_markdown(given.name)
        show_placeholder(f"{name} is classified as soon as the service is ready.")
        return
    if outcome is None:
        outcome = _ask(client, given, question, route)
    if isinstance(outcome, Prediction):
        show_prediction(given, outcome)
        return
    show_notice(outcome)
    if outcome.can_try_again:
        st.button("Try again", icon=":material/refresh:")


def _what_is_missing(status: ServiceStatus, route: Route | None) -> str:
    if not status.is_ready:
        return "The answer appears here as soon as the service is ready."
    return words_for(route).missing


def _remembered(question: Question) -> Prediction | Notice | None:
    answer: Answer | None = st.session_state.get(ANSWER)
    return answer.outcome if answer is not None and answer.question == question else None


def _forget_answer() -> None:
    st.session_state.pop(ANSWER, None)


def _ask(
    client: GatewayClient, given: Given, question: Question, route: Route
) -> Prediction | Notice:
    """Ask the gateway and remember the outcome, unless trying again could bring another one."""
    outcome: Prediction | Notice
    try:
        with st.spinner(words_for(route).working):
            outcome = client.predict(given, alias=question.alias, top_k=question.top_k)
    except GatewayProblem as problem:
        logger.warning("no prediction: %s: %s", type(problem).__name__, problem)
        outcome = problem_notice(problem, route.task)
        if outcome.can_try_again:
            return outcome
    st.session_state[ANSWER] = Answer(question, outcome)
    return outcome
