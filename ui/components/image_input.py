"""Three ways to give pictures; the one that the person used last is the current one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.components.sample_gallery import read_sample, show_sample_gallery
from ui.components.upload_memory import keep_only
from ui.encoded_image import CONTENT_TYPES, EncodedImage
from ui.session import visitors_own
from ui.texts import Texts

# Keys in session_state. The first two belong to widgets, hold what these hold, and have numbers
# behind them.
UPLOAD = "upload"
CAMERA = "camera"
SAMPLE = "sample"
# Which of the three the person acted on last.
CURRENT = "current_input"
# How often the upload field was emptied.
EMPTIED = "uploads_emptied"


def choose_images(
    texts: Texts,
    *,
    samples: tuple[Path, ...],
    max_upload_megabytes: int,
    disabled: bool,
    on_given: Callable[[], None],
) -> tuple[EncodedImage, ...]:
    """Draw the inputs and return the current pictures: only an upload can be several.

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
    if tabs[camera_tab].open or st.session_state.get(_key(CAMERA)) is not None:
        with tabs[camera_tab]:
            _show_camera(texts, on_change=use_widget, disabled=disabled)
    keep_only([*_held(UPLOAD), *_held(CAMERA)])
    return _current_images(samples)


def empty_upload() -> None:
    """Let the upload field begin anew without its files.

    Streamlit offers no other way than a field with another key.
    """
    st.session_state[EMPTIED] = st.session_state.get(EMPTIED, 0) + 1
    if st.session_state.get(CURRENT) == UPLOAD:
        st.session_state[CURRENT] = None


def _key(widget: str) -> str:
    key = f"{widget}-{st.session_state.get(EMPTIED, 0)}" if widget == UPLOAD else widget
    return visitors_own(key)


def _choose_sample(on_given: Callable[[], None], name: str) -> None:
    st.session_state[CURRENT] = SAMPLE
    st.session_state[SAMPLE] = name
    on_given()


def _use_widget(on_given: Callable[[], None], widget: str) -> None:
    """Make a widget current when it gets a picture, and forget it when it loses the last one."""
    if st.session_state[_key(widget)]:
        st.session_state[CURRENT] = widget
        on_given()
    elif st.session_state.get(CURRENT) == widget:
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
        accept_multiple_files=True,
        key=_key(UPLOAD),
        on_change=on_change,
        args=(UPLOAD,),
        max_upload_size=max_upload_megabytes,
        disabled=disabled,
    )


def _show_camera(texts: Texts, *, on_change: Callable[[str], None], disabled: bool) -> None:
    st.camera_input(
        texts("predict.camera"),
        key=_key(CAMERA),
        on_change=on_change,
        args=(CAMERA,),
        disabled=disabled,
    )


def _current_images(samples: tuple[Path, ...]) -> tuple[EncodedImage, ...]:
    current = st.session_state.get(CURRENT)
    if current == SAMPLE:
        chosen = [file for file in samples if file.name == st.session_state[SAMPLE]]
        image = read_sample(chosen[0]) if chosen else None
        return (image,) if image else ()
    files = _held(current) if current in {UPLOAD, CAMERA} else []
    # getvalue() hands out the bytes that Streamlit holds, not a copy of them.
    return tuple(EncodedImage(name=file.name, data=file.getvalue()) for file in files)


def _held(widget: str) -> list[UploadedFile]:
    held: list[UploadedFile] | UploadedFile | None = st.session_state.get(_key(widget))
    return held if isinstance(held, list) else [held] if held is not None else []
