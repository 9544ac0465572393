"""Three ways to give a picture; the one that the person used last is the current one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from ui.components.sample_gallery import read_sample, show_sample_gallery
from ui.encoded_image import CONTENT_TYPES, EncodedImage
from ui.texts import Texts

# Keys in session_state. The first two belong to widgets and hold what the widget holds.
UPLOAD = "upload"
CAMERA = "camera"
SAMPLE = "sample"
# Which of the three the person acted on last.
CURRENT = "current_input"


def choose_image(
    texts: Texts,
    *,
    samples: tuple[Path, ...],
    max_upload_megabytes: int,
    disabled: bool,
    on_given: Callable[[], None],
) -> EncodedImage | None:
    """Draw the inputs and return the current picture, if there is one.

    Args:
        texts: The reader's language.
        samples: Sample files; empty means that no gallery is offered.
        max_upload_megabytes: Largest file that the upload field takes.
        disabled: Whether the inputs are shown but cannot be used now.
        on_given: Called when the person gives a picture, also when it is the same one again.
    """
    choose_sample, use_widget = partial(_choose_sample, on_given), partial(_use_widget, on_given)
    upload_tab = f":material/upload: {texts('predict.upload_tab')}"
    camera_tab = f":material/photo_camera: {texts('predict.camera_tab')}"
    samples_tab = f":material/grid_view: {texts('predict.samples_tab')}"
    names = [samples_tab, upload_tab, camera_tab] if samples else [upload_tab, camera_tab]
    tabs = dict(zip(names, st.tabs(names, key="input_tabs", on_change="rerun"), strict=True))
    if samples:
        with tabs[samples_tab]:
            show_sample_gallery(samples, texts, on_choose=choose_sample, disabled=disabled)
    with tabs[upload_tab]:
        _show_upload(texts, max_upload_megabytes, on_change=use_widget, disabled=disabled)
    # An open camera field asks for permission and turns the camera on, so it waits for its tab;
    # once it holds a photo it stays, or leaving the tab would throw the photo away.
    if tabs[camera_tab].open or st.session_state.get(CAMERA) is not None:
        with tabs[camera_tab]:
            _show_camera(texts, on_change=use_widget, disabled=disabled)
    return _current_image(samples)


def _choose_sample(on_given: Callable[[], None], name: str) -> None:
    st.session_state[CURRENT] = SAMPLE
    st.session_state[SAMPLE] = name
    on_given()


def _use_widget(on_given: Callable[[], None], key: str) -> None:
    """Make a widget current when it gets a picture, and forget it when it loses it."""
    if st.session_state[key] is not None:
        st.session_state[CURRENT] = key
        on_given()
    elif st.session_state.get(CURRENT) == key:
        st.session_state[CURRENT] = None


def _show_upload(
    texts: Texts,
    max_upload_megabytes: int,
    *,
    on_change: Callable[[str], None],
    disabled: bool,
) -> None:
    st.file_uploader(
        texts("predict.upload", megabytes=max_upload_megabytes),
        type=[suffix.removeprefix(".") for suffix in CONTENT_TYPES],
        key=UPLOAD,
        on_change=on_change,
        args=(UPLOAD,),
        max_upload_size=max_upload_megabytes,
        disabled=disabled,
    )


def _show_camera(texts: Texts, *, on_change: Callable[[str], None], disabled: bool) -> None:
    st.camera_input(
        texts("predict.camera"),
        key=CAMERA,
        on_change=on_change,
        args=(CAMERA,),
        disabled=disabled,
    )


def _current_image(samples: tuple[Path, ...]) -> EncodedImage | None:
    current = st.session_state.get(CURRENT)
    if current == SAMPLE:
        chosen = [file for file in samples if file.name == st.session_state[SAMPLE]]
        return read_sample(chosen[0]) if chosen else None
    held = st.session_state.get(current) if current in {UPLOAD, CAMERA} else None
    return EncodedImage(name=held.name, data=held.getvalue()) if held is not None else None
