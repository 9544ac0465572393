"""API: the request that the page made last, as commands and programs to copy."""

from __future__ import annotations

import streamlit as st

from ui import api_snippets
from ui.calls.routes import TEXT_TASK, Route
from ui.components.health_banner import show_health_banner
from ui.components.notices import show_placeholder
from ui.components.sample_gallery import find_samples
from ui.components.sample_texts import find_sample_texts
from ui.encoded_image import EncodedImage
from ui.scene import Scene
from ui.session import LastRequest, last_request
from ui.view_models import as_code

USUAL_LABELS = 5
_EXAMPLE_FILE = "picture.jpg"
_EXAMPLE_TEXT = "Hello"


def show_api_page(scene: Scene) -> None:
    """Draw the whole page."""
    texts = scene.texts
    st.title(texts("page.api"))
    show_health_banner(scene)
    made = last_request()
    request = made or _example(scene)
    if request is None:
        show_placeholder(texts("api.no_model"))
        return
    st.markdown(texts("api.intro" if made else "api.example"))
    st.markdown(texts("api.key", variable=as_code(api_snippets.KEY_VARIABLE)))
    if request.file_name is not None:
        st.markdown(texts("api.file", file=as_code(request.file_name)))
    _show_snippets(scene, request)


def _show_snippets(scene: Scene, request: LastRequest) -> None:
    texts, url = scene.texts, scene.settings.gateway_url
    curl, rest, grpc, perf = st.tabs(
        ["curl", texts("api.rest"), texts("api.grpc"), "perf_analyzer"]
    )
    with curl:
        st.code(api_snippets.to_curl(request, url), language="bash", wrap_lines=True)
    with rest:
        st.caption(texts("api.rest_needs", package=as_code("httpx")))
        st.code(api_snippets.to_rest_program(request, url), language="python", wrap_lines=True)
    with grpc:
        triton = as_code(api_snippets.TRITON_VARIABLE)
        st.caption(texts("api.grpc_needs", package=as_code("triptych.client"), variable=triton))
        st.code(api_snippets.to_grpc_program(request, url), language="python", wrap_lines=True)
    with perf:
        st.caption(texts("api.perf_needs", file=as_code(api_snippets.INPUT_FILE)))
        st.code(api_snippets.to_perf_analyzer(request, url), language="bash", wrap_lines=True)


def _example(scene: Scene) -> LastRequest | None:
    """What somebody could ask: the first sample of the first model."""
    route: Route | None = next(iter(scene.status.routes), None)
    if route is None:
        return None
    top_k = min(USUAL_LABELS, route.most_labels or USUAL_LABELS)
    folder = scene.settings.examples_dir
    if route.task == TEXT_TASK:
        samples = find_sample_texts(folder, route.alias)
        text = samples[0].text if samples else _EXAMPLE_TEXT
        return LastRequest(route.alias, top_k, texts=(text,))
    files = find_samples(folder, route.alias)
    image = EncodedImage(files[0].name if files else _EXAMPLE_FILE, b"")
    return LastRequest(route.alias, top_k, image.name, image.content_type)
