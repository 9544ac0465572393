"""Answers of several releases -> rows of a table and of a chart. Pure."""

from __future__ import annotations

import pandas as pd

from ui.calls.predictions import Prediction
from ui.texts import Texts
from ui.view_models import as_percent, escape_markdown

# Where a number is not known.
NOTHING = "—"


def labels_of(answers: list[Prediction]) -> list[str]:
    """Every label that somebody gave: those of the first answer first, best first."""
    return list(dict.fromkeys(item.label for answer in answers for item in answer.labels))


def to_score_rows(answers: list[Prediction], texts: Texts) -> pd.DataFrame:
    """Rows of the table: each release's score of a label, and its difference to the first's.

    A release names its best labels only: of another one nothing is known but that it scored less.
    """
    labels, scores = labels_of(answers), [_scores(answer) for answer in answers]
    columns = {texts("result.label"): [escape_markdown(label) for label in labels]}
    for answer, scored in zip(answers, scores, strict=True):
        columns[escape_markdown(answer.release)] = [_score(scored.get(it)) for it in labels]
    for answer, scored in zip(answers[1:], scores[1:], strict=True):
        name = texts("compare.difference", release=escape_markdown(answer.release))
        columns[name] = [_difference(scored.get(it), scores[0].get(it)) for it in labels]
    return pd.DataFrame(columns)


def to_bar_rows(answers: list[Prediction]) -> pd.DataFrame:
    """Rows of the chart: label, release, percent (0 to 100), and the percent as text."""
    pairs = [(answer.release, item) for answer in answers for item in answer.labels]
    return pd.DataFrame(
        {
            "label": [item.label for _, item in pairs],
            "release": [release for release, _ in pairs],
            "percent": [item.score * 100 for _, item in pairs],
            "text": [as_percent(item.score) for _, item in pairs],
        }
    )


def _scores(answer: Prediction) -> dict[str, float]:
    return {item.label: item.score for item in answer.labels}


def _score(score: float | None) -> str:
    return NOTHING if score is None else f"{score:.4f}"


def _difference(score: float | None, first: float | None) -> str:
    return NOTHING if score is None or first is None else f"{score - first:+.4f}"
