"""Items on which a shadow and whoever answers disagreed. It keeps still while a person looks."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import streamlit as st

from ui.calls.gateway_http import Caller
from ui.calls.routes import TEXT_TASK
from ui.calls.shadows import Disagreement, Opinion, ask_item
from ui.encoded_image import image_from_elsewhere
from ui.errors import GatewayProblem
from ui.scene import Scene
from ui.texts import Texts
from ui.view_models import as_code, as_percent, escape_markdown, to_excerpt

logger = logging.getLogger(__name__)

COLUMNS = 4
FIRST_SHOWN = 8
# What is larger is not sent to a browser several times over for a thumbnail.
MOST_BYTES = 3_000_000
CALLS_AT_ONCE = 4

# Keys in session_state.
EXHIBITION = "compare_exhibition"
SHOWN = "compare_exhibits_shown"

_OUTCOMES = {
    "undecodable": "compare.outcome.undecodable",
    "too_large": "compare.outcome.too_large",
    "unsupported_format": "compare.outcome.unsupported_format",
    "harmful": "compare.outcome.harmful",
    "failed": "compare.outcome.failed",
}


@dataclass(frozen=True)
class Exhibition:
    """What hangs in the gallery: the newest disagreements of a shadow, when somebody looked."""

    alias: str
    task: str
    release: str
    disagreements: tuple[Disagreement, ...]

    def is_about(self, other: Exhibition) -> bool:
        """Whether both are about the same shadow, and there is something to keep still."""
        about = (self.alias, self.release) == (other.alias, other.release)
        return about and bool(self.disagreements)

    def newer_than(self, other: Exhibition) -> int:
        """How many of these hang not there."""
        known = {it.number for it in other.disagreements}
        return sum(it.number not in known for it in self.disagreements)


def current_exhibition() -> Exhibition | None:
    """What hangs now."""
    exhibition: Exhibition | None = st.session_state.get(EXHIBITION)
    return exhibition


def exhibit(exhibition: Exhibition | None) -> None:
    """Hang something else, its first pieces for a start."""
    st.session_state[EXHIBITION] = exhibition
    st.session_state[SHOWN] = FIRST_SHOWN


def show_gallery(scene: Scene, exhibition: Exhibition) -> None:
    """Draw each piece: what was asked about where its bytes are kept, and what the two said."""
    texts, pieces = scene.texts, exhibition.disagreements
    st.subheader(texts("compare.gallery"))
    if not pieces:
        st.caption(texts("compare.no_disagreements"))
        return
    shown = pieces[: st.session_state.get(SHOWN, FIRST_SHOWN)]
    contents = _contents(scene.caller, exhibition.alias, shown)
    for start in range(0, len(shown), COLUMNS):
        row = shown[start : start + COLUMNS]
        for column, piece in zip(st.columns(COLUMNS), row, strict=False):
            with column, st.container(border=True):
                _show_piece(scene, piece, contents.get(piece.number), exhibition.task)
    if len(shown) < len(pieces):
        left = len(pieces) - len(shown)
        st.button(texts("compare.show_more", count=left), on_click=_show_more)


def _show_more() -> None:
    st.session_state[SHOWN] = st.session_state.get(SHOWN, FIRST_SHOWN) + FIRST_SHOWN


def _contents(
    caller: Caller, alias: str, pieces: tuple[Disagreement, ...]
) -> dict[int, bytes | None]:
    """The bytes of what is kept, by number; None where they cannot be had now."""
    kept = [piece.number for piece in pieces if piece.has_item]
    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        return dict(zip(kept, pool.map(partial(_content, caller, alias), kept), strict=True))


def _content(caller: Caller, alias: str, number: int) -> bytes | None:
    try:
        return ask_item(caller, alias, number)
    except GatewayProblem as problem:
        logger.warning("no item: %s: %s", type(problem).__name__, problem)
        return None


def _show_piece(scene: Scene, piece: Disagreement, content: bytes | None, task: str) -> None:
    texts = scene.texts
    if content is None:
        name = "compare.not_there" if piece.has_item else "compare.not_kept"
        st.caption(f":material/hide_image: {texts(name)}")
    elif task == TEXT_TASK:
        st.markdown(to_excerpt(content.decode("utf-8", errors="replace")))
    else:
        _show_picture(piece, content, texts)
    st.markdown(to_opinion(piece.serving, texts))
    st.markdown(to_opinion(piece.shadow, texts))
    st.caption(
        texts("compare.piece", when=scene.clock(piece.at), request_id=as_code(piece.request_id))
    )


def _show_picture(piece: Disagreement, content: bytes, texts: Texts) -> None:
    """Let the browser draw what says that it is a picture; anything else stays bytes."""
    image = image_from_elsewhere(f"disagreement-{piece.number}", content)
    if image is None or len(content) > MOST_BYTES:
        st.caption(f":material/hide_image: {texts('compare.no_picture')}")
        return
    alt = texts("compare.piece_alt", number=piece.number)
    st.image(image.square_data_url, width="stretch", alt=alt)


def to_opinion(opinion: Opinion, texts: Texts) -> str:
    """Say what a release answered, or why it did not."""
    release = as_code(opinion.release)
    if opinion.labels:
        first = opinion.labels[0]
        label = escape_markdown(first.label)
        return f"{release} **{label}** {as_percent(first.score)}"
    name = _OUTCOMES.get(opinion.outcome)
    return f"{release} {texts(name) if name else as_code(opinion.outcome)}"
