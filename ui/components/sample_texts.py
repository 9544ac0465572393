"""Sample texts, each as a button that classifies it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from ui import view_models
from ui.components.sample_gallery import find_samples
from ui.texts import Texts

TEXT_SUFFIXES = frozenset({".txt"})

# A sample shows what the model does; a whole book on a button does not.
MOST_SAMPLE_BYTES = 10_000

# The list scrolls by itself: a click on its last text must not leave the answer out of sight.
LIST_HEIGHT_PIXELS = 300


@dataclass(frozen=True)
class SampleText:
    """One sample: the name of its file, and what it says."""

    name: str
    text: str


def find_sample_texts(examples_dir: Path | None, alias: str) -> tuple[SampleText, ...]:
    """Read the sample texts of an alias by name; what cannot be read or is blank is left out."""
    files = find_samples(examples_dir, alias, TEXT_SUFFIXES)
    samples = [SampleText(file.name, _read(file)) for file in files]
    return tuple(sample for sample in samples if sample.text)


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_SAMPLE_BYTES:
            return ""
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def show_sample_texts(
    samples: tuple[SampleText, ...],
    texts: Texts,
    *,
    on_choose: Callable[[str], None],
    disabled: bool,
) -> None:
    """Draw the buttons; a click hands the sample's text to on_choose."""
    st.caption(texts("predict.try_these"))
    with st.container(height=LIST_HEIGHT_PIXELS, border=False):
        for sample in samples:
            st.button(
                view_models.to_sample_label(sample.text),
                key=f"sample-{sample.name}",
                on_click=on_choose,
                args=(sample.text,),
                disabled=disabled,
                width="stretch",
                wrap=True,
            )
