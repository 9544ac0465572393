"""GET /v1/jobs/{id}/results: what a job has answered, its beginning to look at, or all of it."""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NotRequired, TypedDict

from ui.calls.gateway_http import Caller
from ui.calls.jobs import job_path
from ui.calls.predictions import LabelBody
from ui.calls.strict_json import OTHER_SHAPE, read_json_line
from ui.errors import AnswerNotUnderstood

CSV, JSON_LINES = "csv", "jsonl"

# So much is read to be looked at, some ten thousand answers; the whole may be a thousand times it.
GLANCE_BYTES = 4_000_000
MOST_ROWS, MOST_ERRORS = 100, 200
# As long may it take until all of it is here.
_DOWNLOAD_SECONDS = 300.0


class ItemErrorBody(TypedDict):
    """Why an item has no prediction."""

    code: str
    message: str


class ItemBody(TypedDict):
    """One line of the results."""

    index: int
    name: str
    release: str
    predictions: NotRequired[list[LabelBody]]
    error: NotRequired[ItemErrorBody]


@dataclass(frozen=True)
class ItemAnswer:
    """What became of one item.

    Attributes:
        index: Its place in the job, from 0.
        name: As it was handed in.
        label: The most probable one; empty where there is none.
        score: Its probability, 0 to 1.
        code: The gateway's name for the error; empty where there is none.
        message: The gateway's sentence about it.
    """

    index: int
    name: str
    release: str
    label: str = ""
    score: float | None = None
    code: str = ""
    message: str = ""


@dataclass(frozen=True)
class Glance:
    """The beginning of what a job has answered.

    Attributes:
        first: The first answers, in the order of the items.
        errors: The first refusals among what was read.
    """

    first: tuple[ItemAnswer, ...] = ()
    errors: tuple[ItemAnswer, ...] = ()


def glance_at_answers(caller: Caller, job_id: str) -> Glance:
    """Read the beginning of the answers.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    response = caller.fetch("GET", _path(job_id), query=_form(JSON_LINES), most_bytes=GLANCE_BYTES)
    # Behind the last line end is nothing, or a line that was cut.
    return decode_glance(response.content.split(b"\n")[:-1])


def download_answers(caller: Caller, job_id: str, form: str) -> bytes:
    """Read all answers that there are now, as CSV or JSON_LINES.

    Raises:
        GatewayProblem: As above.
    """
    response = caller.fetch(
        "GET", _path(job_id), query=_form(form), patience_seconds=_DOWNLOAD_SECONDS
    )
    # Excel takes UTF-8 for what it is only where it begins so.
    return codecs.BOM_UTF8 + response.content if form == CSV else response.content


def decode_glance(lines: Iterable[bytes]) -> Glance:
    """Decode lines of the results.

    Raises:
        AnswerNotUnderstood: One has another shape.
    """
    first: list[ItemAnswer] = []
    errors: list[ItemAnswer] = []
    try:
        for line in lines:
            # Of thousands of lines only few are shown; the others need not be taken apart.
            has_error = b'"error"' in line and len(errors) < MOST_ERRORS
            if len(first) >= MOST_ROWS and not has_error:
                continue
            answer = decode_item(read_json_line(line))
            if len(first) < MOST_ROWS:
                first.append(answer)
            if answer.code and len(errors) < MOST_ERRORS:
                errors.append(answer)
    except OTHER_SHAPE as exc:
        raise AnswerNotUnderstood("the results have another shape") from exc
    return Glance(tuple(first), tuple(errors))


def decode_item(body: ItemBody) -> ItemAnswer:
    """Decode one line of the results."""
    told = ItemAnswer(int(body["index"]), _shown(body["name"]), str(body["release"]))
    error = body.get("error")
    if error is not None:
        return replace(told, code=_shown(error["code"]), message=_shown(error["message"]))
    best = body["predictions"][0]
    score = float(best["score"])
    if not math.isfinite(score):
        raise ValueError("a score that is no number")
    return replace(told, label=_shown(best["label"]), score=score)


def _shown(text: str) -> str:
    """What an archive calls its members may hold halves of characters, which no browser takes."""
    return str(text).encode("utf-8", errors="replace").decode("utf-8")


def _path(job_id: str) -> str:
    return f"{job_path(job_id)}/results"


def _form(form: str) -> dict[str, str | int | float | bool]:
    return {"format": form}
