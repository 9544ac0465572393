"""The page: choose a model, give a picture, read the answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import streamlit as st

from ui import view_models
from ui.components.health_banner import show_health_banner
from ui.components.image_input import choose_image
from ui.components.prediction_result import show_notice, show_placeholder, show_prediction
from ui.components.sample_gallery import find_samples
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.gateway_answers import Prediction, Route
from ui.gateway_client import GatewayClient
from ui.plain_words import Notice, problem_notice
from ui.service_watch import ServiceStatus
from ui.services import Services

logger = logging.getLogger(__name__)

MOST_LABELS = 10
USUAL_LABELS = 5

HOW_IT_WORKS = (
    "The picture travels as it is. One Triton ensemble decodes it, runs the model and names "
    "the labels: three panels, one answer."
)

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
    st.title("Triptych")
    st.markdown("Give it a picture; a Triton ensemble answers.")
    show_health_banner(services, drawn_for=status)
    route, top_k = _show_sidebar(status)
    input_column, answer_column = st.columns([6, 7], gap="large")
    with input_column:
        image = choose_image(
            samples=find_samples(services.settings.examples_dir, route.alias) if route else (),
            max_upload_megabytes=services.settings.max_upload_megabytes,
            disabled=not status.is_ready or route is None,
            on_given=_forget_answer,
        )
    with answer_column, st.container(border=True, height="stretch"):
        _show_answer(services.client, status, route, image, top_k)


def _show_sidebar(status: ServiceStatus) -> tuple[Route | None, int]:
    with st.sidebar:
        route = _choose_route(status.routes)
        top_k = st.slider("Labels to show", 1, MOST_LABELS, USUAL_LABELS, key="top_k")
        st.caption(HOW_IT_WORKS)
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


def _show_answer(
    client: GatewayClient,
    status: ServiceStatus,
    route: Route | None,
    image: EncodedImage | None,
    top_k: int,
) -> None:
    if route is None or image is None:
        show_placeholder(_what_is_missing(status, route))
        return
    # A model with few classes is not asked for more labels than it has: that would be refused.
    question = Question(image.digest, route.alias, min(top_k, route.most_labels or top_k))
    outcome = _remembered(question)
    if outcome is None and not status.is_ready:
        name = view_models.escape_markdown(image.name)
        show_placeholder(f"{name} is classified as soon as the service is ready.")
        return
    if outcome is None:
        outcome = _ask(client, image, question)
    if isinstance(outcome, Prediction):
        show_prediction(image, outcome)
        return
    show_notice(outcome)
    if outcome.can_try_again:
        st.button("Try again", icon=":material/refresh:")


def _what_is_missing(status: ServiceStatus, route: Route | None) -> str:
    if not status.is_ready:
        return "The answer appears here as soon as the service is ready."
    if route is not None:
        return "Give a picture; the answer appears here."
    return (
        "The service is ready, but it has no model for pictures yet. "
        "As soon as somebody adds one, this page offers it by itself."
    )


def _remembered(question: Question) -> Prediction | Notice | None:
    answer: Answer | None = st.session_state.get(ANSWER)
    return answer.outcome if answer is not None and answer.question == question else None


def _forget_answer() -> None:
    st.session_state.pop(ANSWER, None)


def _ask(client: GatewayClient, image: EncodedImage, question: Question) -> Prediction | Notice:
    """Ask the gateway and remember the outcome, unless trying again could bring another one."""
    outcome: Prediction | Notice
    try:
        with st.spinner("The ensemble is looking at it …"):
            outcome = client.predict(image, alias=question.alias, top_k=question.top_k)
    except GatewayProblem as problem:
        logger.warning("no prediction: %s: %s", type(problem).__name__, problem)
        outcome = problem_notice(problem)
        if outcome.can_try_again:
            return outcome
    st.session_state[ANSWER] = Answer(question, outcome)
    return outcome
