"""Predict: choose a model, give pictures or texts, read what they are."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import view_models
from ui.calls.routes import TEXT_TASK, Route
from ui.components.health_banner import show_health_banner
from ui.components.image_input import choose_images
from ui.components.notices import show_placeholder
from ui.components.prediction_result import fetch_chart_code
from ui.components.sample_gallery import find_samples
from ui.components.sample_texts import find_sample_texts
from ui.components.text_input import choose_texts
from ui.components.upload_memory import keep_only
from ui.encoded_image import EncodedImage
from ui.scene import Scene
from ui.task_words import words_for
from ui.views.predict_many import forget_batch, has_batch, show_many
from ui.views.predict_one import forget_answer, show_one
from ui.written_text import WrittenText

MOST_LABELS = 10
USUAL_LABELS = 5

# Keys in session_state of what is chosen, and of the same for whoever comes back from another
# page: Streamlit forgets what a widget held as soon as its page is left.
ALIAS = "alias"
KEPT_ALIAS = "kept_alias"
TOP_K = "top_k"
KEPT_TOP_K = "kept_top_k"

Givens = tuple[EncodedImage, ...] | tuple[WrittenText, ...]


@dataclass(frozen=True)
class _Chosen:
    route: Route | None
    top_k: int


def show_predict_page(scene: Scene) -> None:
    """Draw the whole page; it stays up whatever the service does."""
    chosen = _show_sidebar(scene)
    st.title("Triptych")
    st.markdown(words_for(chosen.route, scene.texts).invitation)
    show_health_banner(scene)
    input_column, answer_column = st.columns([6, 7], gap="large")
    with input_column:
        given = _show_input(scene, chosen.route)
    table = st.container()
    with answer_column, st.container(border=True, height="stretch"):
        _show_answer(scene, chosen, given, table)


def _show_sidebar(scene: Scene) -> _Chosen:
    with st.sidebar:
        route = _choose_route(scene)
        st.session_state.setdefault(TOP_K, st.session_state.get(KEPT_TOP_K, USUAL_LABELS))
        asked = st.slider(scene.texts("predict.labels_to_show"), 1, MOST_LABELS, key=TOP_K)
        st.session_state[KEPT_TOP_K] = asked
        st.caption(words_for(route, scene.texts).how_it_works)
    # A model with few classes is not asked for more labels than it has: that would be refused.
    most = asked if route is None else route.most_labels or asked
    return _Chosen(route, min(asked, most))


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
        kept = st.session_state.get(KEPT_ALIAS)
        if kept in by_alias:
            st.session_state.setdefault(ALIAS, kept)
        route = by_alias[st.selectbox(texts("model.label"), list(by_alias), key=ALIAS)]
        st.session_state[KEPT_ALIAS] = route.alias
    st.caption(view_models.to_route_caption(route, texts))
    return route


def _show_input(scene: Scene, route: Route | None) -> Givens:
    settings, is_ready = scene.settings, scene.status.is_ready
    if route is not None and route.task == TEXT_TASK:
        keep_only([])
        return choose_texts(
            scene.texts,
            samples=find_sample_texts(settings.examples_dir, route.alias),
            disabled=not is_ready,
            on_given=_forget_answers,
        )
    return choose_images(
        scene.texts,
        samples=find_samples(settings.examples_dir, route.alias) if route else (),
        max_upload_megabytes=settings.max_upload_megabytes,
        disabled=not is_ready or route is None,
        on_given=_forget_answers,
    )


def _forget_answers() -> None:
    forget_answer()
    forget_batch()


def _show_answer(scene: Scene, chosen: _Chosen, given: Givens, table: DeltaGenerator) -> None:
    route, top_k = chosen.route, chosen.top_k
    if route is not None and (len(given) > 1 or has_batch(route)):
        show_many(scene, route, given, top_k, table=table)
    elif route is not None and given:
        show_one(scene, route, given[0], top_k)
    else:
        is_ready, texts = scene.status.is_ready, scene.texts
        missing = words_for(route, texts).missing
        show_placeholder(missing if is_ready else texts("predict.appears_when_ready"))
        fetch_chart_code()
