"""Thumbnails of sample pictures, each with a button that classifies it."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from pathlib import Path

import streamlit as st

from ui.encoded_image import CONTENT_TYPES, EncodedImage
from ui.texts import Texts
from ui.view_models import escape_markdown

# A plain name: an alias becomes part of a path.
PLAIN_NAME = re.compile(r"\w[\w.-]*")

# More than this is a photo album, and every thumbnail travels to the browser.
MOST_SAMPLES = 24

THUMBNAIL_COLUMN_PIXELS = 150

# The gallery scrolls by itself: a click on its last picture must not leave the answer out of sight.
GALLERY_HEIGHT_PIXELS = 620


def find_samples(
    examples_dir: Path | None, alias: str, suffixes: Container[str] = CONTENT_TYPES
) -> tuple[Path, ...]:
    """List the sample files of an alias by name, pictures unless asked; empty when there are none.

    An alias comes from the gateway, so one that would lead out of the folder finds nothing.
    """
    if examples_dir is None or not PLAIN_NAME.fullmatch(alias):
        return ()
    try:
        files = sorted((examples_dir / alias / "samples").iterdir())
    except OSError:
        return ()
    return tuple(file for file in files if file.suffix.lower() in suffixes)[:MOST_SAMPLES]


def read_sample(file: Path) -> EncodedImage | None:
    """Read a sample; None when it has gone since it was listed."""
    try:
        return EncodedImage(name=file.name, data=file.read_bytes())
    except OSError:
        return None


def show_sample_gallery(
    samples: tuple[Path, ...],
    texts: Texts,
    *,
    on_choose: Callable[[str], None],
    disabled: bool,
) -> None:
    """Draw the grid; a click hands the sample's file name to on_choose."""
    with st.container(height=GALLERY_HEIGHT_PIXELS, border=False):
        grid = st.grid("auto", min_column_width=THUMBNAIL_COLUMN_PIXELS, gap="small")
    for file in samples:
        image = read_sample(file)
        if image is None:
            continue
        with grid.cell():
            st.image(
                image.square_data_url, width="stretch", alt=texts("predict.sample", name=image.name)
            )
            st.button(
                texts("predict.classify_sample", name=escape_markdown(image.name)),
                key=f"sample-{image.name}",
                on_click=on_choose,
                args=(image.name,),
                disabled=disabled,
                width="stretch",
                wrap=True,
            )
