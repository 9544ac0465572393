"""One picture or one text for all releases that are compared."""

from __future__ import annotations

import streamlit as st

from ui.calls.routes import TEXT_TASK
from ui.components.sample_gallery import find_samples, read_sample
from ui.components.sample_texts import find_sample_texts
from ui.components.upload_memory import keep_only
from ui.encoded_image import CONTENT_TYPES, EncodedImage
from ui.scene import Scene
from ui.session import visitors_own
from ui.texts import Texts
from ui.view_models import to_excerpt
from ui.written_text import WrittenText

AREA_HEIGHT_PIXELS = 160

# Keys in session_state, of widgets.
UPLOAD = "compare_upload"
SAMPLE = "compare_sample"
WRITTEN = "compare_written"
SAMPLE_TEXT = "compare_sample_text"


def choose_input(scene: Scene, task: str, alias: str) -> EncodedImage | WrittenText | None:
    """Draw the inputs of a task; what a person brings comes before a sample.

    Args:
        scene: Where samples are.
        task: What the releases do.
        alias: Whose samples to offer.
    """
    return _choose_text(scene, alias) if task == TEXT_TASK else _choose_picture(scene, alias)


def show_input(given: EncodedImage | WrittenText, texts: Texts) -> None:
    """Draw what is compared."""
    if isinstance(given, WrittenText):
        st.markdown(to_excerpt(given.text))
    else:
        alt = texts("predict.your_picture", name=given.name)
        st.image(given.data_url, width="stretch", alt=alt)


def _choose_picture(scene: Scene, alias: str) -> EncodedImage | None:
    texts, most = scene.texts, scene.settings.max_upload_megabytes
    held = st.file_uploader(
        texts("compare.upload", megabytes=most),
        type=[suffix.removeprefix(".") for suffix in CONTENT_TYPES],
        key=visitors_own(UPLOAD),
        max_upload_size=most,
    )
    keep_only([held] if held is not None else [])
    samples = {file.name: file for file in find_samples(scene.settings.examples_dir, alias)}
    name = _choose_sample(scene, f"{SAMPLE}_{alias}", list(samples))
    if held is not None:
        return EncodedImage(name=held.name, data=held.getvalue())
    return read_sample(samples[name]) if name is not None else None


def _choose_text(scene: Scene, alias: str) -> WrittenText | None:
    texts = scene.texts
    written = st.text_area(
        texts("predict.your_text"),
        key=visitors_own(WRITTEN),
        height=AREA_HEIGHT_PIXELS,
        placeholder=texts("predict.write_here"),
    )
    found = find_sample_texts(scene.settings.examples_dir, alias)
    samples = {sample.name: sample.text for sample in found}
    name = _choose_sample(scene, f"{SAMPLE_TEXT}_{alias}", list(samples))
    if written.strip():
        return WrittenText(written)
    return WrittenText(samples[name]) if name is not None else None


def _choose_sample(scene: Scene, key: str, names: list[str]) -> str | None:
    if not names:
        return None
    return st.selectbox(
        scene.texts("compare.sample"),
        names,
        index=None,
        key=key,
        placeholder=scene.texts("compare.no_sample"),
    )
