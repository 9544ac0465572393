"""One release in full: where it comes from, whether it passed its gate, how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from ui.calls.release_cards import Parity, ReleaseCard, read_card
from ui.components.confusion_matrix import show_confusion
from ui.components.live_look import look
from ui.release_words import megabytes
from ui.scene import Scene
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown


def show_card(scene: Scene, release: str) -> None:
    """Draw the card of a release; it never changes, so nothing here is live."""
    card = look(scene, f"card {release}", partial(read_card, scene.caller, release))
    if card is None:
        return
    with st.container(border=True):
        st.subheader(escape_markdown(card.name))
        left, right = st.columns(2, gap="large")
        with left:
            _show_facts(card, scene.texts)
        with right:
            _show_parity(card.parity, scene.texts, is_forced=card.is_forced)
            _show_measurements(card, scene.texts)
        _show_hashes(card, scene.texts)


def _show_facts(card: ReleaseCard, texts: Texts) -> None:
    st.markdown(f"**{texts('releases.card.origin')}**")
    facts = {
        texts("releases.card.created"): card.created.replace("T", " "),
        texts("releases.card.version"): card.semver or "",
        texts("releases.card.commit"): card.git_commit,
        texts("releases.card.task"): card.task,
        texts("releases.card.precision"): card.precision,
        texts("releases.card.engine"): card.engine,
        texts("releases.card.engines"): ", ".join(card.engines),
        texts("releases.card.size"): megabytes(card.size_bytes),
        texts("releases.card.classes"): str(card.classes),
        texts("releases.card.golden"): str(card.golden),
        texts("releases.card.batch"): str(card.max_batch_size),
    }
    _show_pairs({name: value for name, value in facts.items() if value}, texts)
    for title, values in (
        (texts("releases.card.source"), card.source),
        (texts("releases.card.transform"), card.transform),
    ):
        if values:
            with st.expander(title):
                _show_pairs(values, texts)


def _show_pairs(values: Mapping[str, str], texts: Texts) -> None:
    rows = {
        texts("releases.card.what"): [escape_markdown(name) for name in values],
        texts("releases.card.value"): [escape_markdown(value) for value in values.values()],
    }
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, hide_header=True)


def _show_parity(parity: Parity | None, texts: Texts, *, is_forced: bool) -> None:
    st.markdown(f"**{texts('releases.card.parity')}**")
    if parity is None:
        st.caption(texts("releases.card.no_gate"))
        return
    if parity.has_passed:
        st.markdown(f":green[:material/verified:] {texts('releases.card.passed')}")
    else:
        st.markdown(f":red[:material/gpp_bad:] {texts('releases.card.not_passed')}")
    if is_forced:
        st.markdown(f":orange[:material/warning:] {texts('releases.card.forced')}")
    if parity.agreement is not None and parity.inputs is not None:
        share = f"{parity.agreement:.1%}"
        st.markdown(texts("releases.card.agreement", share=share, inputs=parity.inputs))
    if parity.largest_difference is not None:
        largest = f"{parity.largest_difference:.2g}"
        st.markdown(texts("releases.card.difference", largest=largest))
    for failure in parity.failures:
        st.markdown(f"- {escape_markdown(failure)}")


def _show_measurements(card: ReleaseCard, texts: Texts) -> None:
    st.markdown(f"**{texts('releases.card.measured')}**")
    if not card.measurements:
        st.caption(texts("releases.card.nothing_measured"))
        return
    measured = dict(enumerate(card.measurements))
    chosen = st.selectbox(
        texts("releases.card.set"),
        list(measured),
        format_func=lambda place: measured[place].name,
        key=f"measured {card.name}",
    )
    measurement = measured[chosen]
    inputs = "?" if measurement.inputs is None else measurement.inputs
    accuracy = f"{measurement.accuracy:.2%}"
    st.markdown(texts("releases.card.accuracy", accuracy=accuracy, inputs=inputs))
    if measurement.confusion is not None:
        show_confusion(measurement, card.labels, texts)


def _show_hashes(card: ReleaseCard, texts: Texts) -> None:
    with st.expander(texts("releases.card.hashes")):
        st.caption(texts("releases.card.fingerprint", fingerprint=as_code(card.fingerprint)))
        rows = {
            texts("releases.card.file"): [as_code(path) for path in card.artifacts],
            "SHA-256": [as_code(digest) for digest in card.artifacts.values()],
        }
        st.table(pd.DataFrame(rows), border="horizontal", hide_index=True)
