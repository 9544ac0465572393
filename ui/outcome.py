"""What became of one thing that a person asked about, and how it is written to a file. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ui.calls.predictions import Prediction
from ui.errors import GatewayProblem, RequestRefused

COLUMNS = (
    "name",
    "rank",
    "label",
    "score",
    "alias",
    "release",
    "arm",
    "gateway_ms",
    "triton_ms",
    "request_id",
    "error_code",
    "error",
)


# With these a cell begins that a spreadsheet reckons out instead of showing it; the last four are
# those of the first that are as wide as a Hangul syllable.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True)
class Outcome:
    """An answer, or why there is none.

    Attributes:
        name: What the person calls it: a file name, or the beginning of a text.
        answer: The gateway's, or what went wrong.
        thumbnail: The picture as a small address for the browser; empty where there is none.
    """

    name: str
    answer: Prediction | GatewayProblem
    thumbnail: str = ""

    @property
    def prediction(self) -> Prediction | None:
        """The answer, if there is one."""
        return self.answer if isinstance(self.answer, Prediction) else None

    @property
    def problem(self) -> GatewayProblem | None:
        """What went wrong, if something did."""
        return self.answer if isinstance(self.answer, GatewayProblem) else None

    @property
    def request_id(self) -> str:
        """What to quote when asking for help; empty where no gateway has answered."""
        if isinstance(self.answer, RequestRefused):
            return self.answer.request_id or ""
        return self.answer.request_id if isinstance(self.answer, Prediction) else ""


def as_cell(text: str) -> str:
    """Write text from elsewhere for a spreadsheet: behind an apostrophe nothing is a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_SIGNS) else text


def to_csv(outcomes: Iterable[Outcome]) -> bytes:
    """One line per label, best first, and one per failure; it begins as Excel wants its UTF-8."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="")
    writer.writeheader()
    for outcome in outcomes:
        for line in _lines(outcome):
            writer.writerow({name: _cell(value) for name, value in line.items()})
    return file.getvalue().encode("utf-8-sig", errors="replace")


def to_json(outcomes: Iterable[Outcome]) -> bytes:
    """A list with one object for each, as the gateway's own answers name things."""
    return json.dumps([_object(outcome) for outcome in outcomes], indent=2).encode()


def _cell(value: object) -> object:
    return as_cell(value) if isinstance(value, str) else value


def _lines(outcome: Outcome) -> Iterator[dict[str, object]]:
    found = outcome.prediction
    if found is None:
        yield {"name": outcome.name, "request_id": outcome.request_id} | _error(outcome)
        return
    for rank, item in enumerate(found.labels, start=1):
        yield {
            "name": outcome.name,
            "rank": rank,
            "label": item.label,
            "score": item.score,
            "alias": found.alias,
            "release": found.release,
            "arm": found.origin.arm,
            "gateway_ms": found.gateway_ms,
            "triton_ms": found.triton_ms,
            "request_id": found.request_id,
        }


def _error(outcome: Outcome) -> dict[str, object]:
    problem = outcome.problem
    if isinstance(problem, RequestRefused):
        return {"error_code": problem.code, "error": problem.message or str(problem.status)}
    return {"error_code": type(problem).__name__, "error": str(problem)}


def _object(outcome: Outcome) -> dict[str, object]:
    found = outcome.prediction
    told: dict[str, object] = {"name": outcome.name, "request_id": outcome.request_id}
    if found is None:
        error = _error(outcome)
        return told | {"error": {"code": error["error_code"], "message": error["error"]}}
    origin = found.origin
    return told | {
        "alias": found.alias,
        "release": found.release,
        "route": {"arm": origin.arm, "revision": origin.revision},
        "provenance": {"model_sha256": origin.model_sha256, "device": origin.device},
        "predictions": [{"label": item.label, "score": item.score} for item in found.labels],
        "truncated": found.is_truncated,
        "timing": {"total_ms": found.gateway_ms, "triton_ms": found.triton_ms},
    }
