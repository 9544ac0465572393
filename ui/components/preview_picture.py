"""The picture as the model saw it, below the one that was given."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import streamlit as st

from ui.calls.previews import Preview, preview
from ui.components.rate_limit_banner import note_rate_limit
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.plain_words import Notice, problem_notice
from ui.scene import Scene
from ui.texts import Texts
from ui.view_models import as_code

logger = logging.getLogger(__name__)

# Key in session_state of the newest preview, so that a rerun of the page asks nothing again.
PREVIEW = "preview"


@dataclass(frozen=True)
class _Shown:
    """A preview, or a refusal that asking again would not change, and what it belongs to."""

    digest: str
    alias: str
    outcome: Preview | GatewayProblem


def show_preview(scene: Scene, alias: str, image: EncodedImage) -> None:
    """Ask for the preview of a picture, once, and draw it; a quiet line says why there is none.

    Args:
        scene: Whom to ask.
        alias: Of the model that classifies it, or a release by its name.
        image: As it was given.
    """
    outcome = _remembered(alias, image) or _ask(scene, alias, image)
    if isinstance(outcome, Preview):
        draw_preview(outcome, scene.texts)
    else:
        draw_preview_problem(problem_notice(outcome, scene.texts), scene.texts)


def draw_preview(shown: Preview, texts: Texts) -> None:
    """Draw a preview, and say of which release it is and how many pixels it has."""
    height, width = shown.picture.height_pixels, shown.picture.width_pixels
    st.image(
        shown.picture.data_url,
        width="stretch",
        alt=texts("compare.preview.alt", width=width, height=height),
    )
    st.caption(
        texts("compare.preview.caption", release=as_code(shown.release), width=width, height=height)
    )


def draw_preview_problem(notice: Notice, texts: Texts) -> None:
    """Say in one quiet line why there is no preview: the answer itself is not the worse for it."""
    st.caption(texts("compare.preview.none", why=notice.title))


def _remembered(alias: str, image: EncodedImage) -> Preview | GatewayProblem | None:
    shown: _Shown | None = st.session_state.get(PREVIEW)
    is_same = shown is not None and (shown.digest, shown.alias) == (image.digest, alias)
    return shown.outcome if shown is not None and is_same else None


def _ask(scene: Scene, alias: str, image: EncodedImage) -> Preview | GatewayProblem:
    outcome: Preview | GatewayProblem
    try:
        outcome = preview(scene.caller, image, alias=alias)
    except GatewayProblem as problem:
        logger.warning("no preview: %s: %s", type(problem).__name__, problem)
        note_rate_limit(scene, problem)
        outcome = problem.bare()
        if not problem.is_lasting:
            return outcome
    st.session_state[PREVIEW] = _Shown(image.digest, alias, outcome)
    return outcome
