"""Typed answers -> what a page shows: rows, headlines, captions. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from ui.calls.predictions import Origin, Prediction
from ui.calls.routes import Route
from ui.texts import Texts

# About four lines beside the answer, and two on a button.
EXCERPT_CHARACTERS = 280
SAMPLE_LABEL_CHARACTERS = 100

# What has a meaning inside a line of Streamlit's Markdown.
MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]#|<>~$:&])")
# What makes a list or a rule of a line that begins with it.
MARKDOWN_LIST = re.compile(r"^([0-9]*)([-+.)])(?=[-\s]|$)")
# Unicode's embeddings, overrides and isolates of direction; mere marks turn nothing around.
_TURNS_DIRECTION = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def escape_markdown(text: str) -> str:
    """Make text from elsewhere show as it is written, on one line."""
    return MARKDOWN_LIST.sub(r"\1\\\2", MARKDOWN_SIGNS.sub(r"\\\1", _on_one_line(text)))


def as_code(text: str) -> str:
    """Set an id, a path or an address in code style."""
    return f"`{_on_one_line(text).replace('`', chr(39))}`"


def _on_one_line(text: str) -> str:
    """Without what would end the line, or turn the direction of the sentence around it."""
    return " ".join(text.translate(_TURNS_DIRECTION).split())


def as_percent(score: float) -> str:
    """Write a probability in percent; only a certain one is 100 %, only an impossible one 0 %."""
    if 0.9995 <= score < 1:
        return "> 99.9 %"
    if 0 < score < 0.0005:
        return "< 0.1 %"
    return f"{score * 100:.1f} %"


def shorten(text: str, most_characters: int) -> str:
    """Put a text on one line and keep its beginning, cut between words where it can be."""
    line = " ".join(text.split())
    if len(line) <= most_characters:
        return line
    start, space, _ = line[:most_characters].rpartition(" ")
    return f"{start if space else line[: most_characters - 1]} …"


def to_excerpt(text: str) -> str:
    """Show the first lines of a text.

    The quotation marks also keep a text that begins with "- " or "1. " from becoming a list.
    """
    return f"“{escape_markdown(shorten(text, EXCERPT_CHARACTERS))}”"


def to_sample_label(text: str) -> str:
    """Write a sample text on its button."""
    return f"“{escape_markdown(shorten(text, SAMPLE_LABEL_CHARACTERS))}”"


@dataclass(frozen=True)
class Headline:
    """The best label and how sure the model is, ready to show."""

    label: str
    confidence: str


def to_headline(prediction: Prediction) -> Headline:
    """Pick what a person wants to know first."""
    best = prediction.labels[0]
    return Headline(label=escape_markdown(best.label), confidence=as_percent(best.score))


def to_chart_rows(prediction: Prediction) -> pd.DataFrame:
    """Rows for the bars: label, percent (0 to 100) and the percent as text; best first."""
    return pd.DataFrame(
        {
            "label": [item.label for item in prediction.labels],
            "percent": [item.score * 100 for item in prediction.labels],
            "text": [as_percent(item.score) for item in prediction.labels],
        }
    )


def to_table_rows(prediction: Prediction, texts: Texts) -> pd.DataFrame:
    """Rows for the table: label and score (0 to 1, four decimals); best first."""
    return pd.DataFrame(
        {
            texts("result.label"): [escape_markdown(item.label) for item in prediction.labels],
            texts("result.score"): [f"{item.score:.4f}" for item in prediction.labels],
        }
    )


def to_caption(prediction: Prediction, texts: Texts) -> str:
    """Say who answered and how long it took."""
    return texts(
        "result.caption",
        release=as_code(prediction.release),
        gateway_ms=prediction.gateway_ms,
        triton_ms=prediction.triton_ms,
        request_id=as_code(prediction.request_id),
    )


def to_origin_caption(origin: Origin, texts: Texts) -> str:
    """Say by which arm the request came, and what has answered; empty where nobody has told."""
    told = [
        (origin.arm, "result.arm"),
        ("" if origin.revision is None else str(origin.revision), "result.revision"),
        (origin.semver, "result.semver"),
        (origin.model_sha256, "result.model"),
        (origin.device, "result.device"),
        (origin.cache, "result.cache"),
    ]
    return " · ".join(texts(name, value=as_code(value)) for value, name in told if value)


def to_route_caption(route: Route, texts: Texts) -> str:
    """Name the releases behind an alias, with their shares when there are several."""
    total = sum(arm.weight for arm in route.arms)
    if total <= 0:
        return texts("model.nobody")
    shares = [
        f"{as_code(arm.release)} {arm.weight / total:.0%}" for arm in route.arms if arm.weight > 0
    ]
    if len(shares) == 1:
        shares = [shares[0].removesuffix(" 100%")]
    return texts("model.served_by", shares=", ".join(shares))
