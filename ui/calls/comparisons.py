"""One picture or text, asked of several releases side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from ui.calls.gateway_http import Body, Caller
from ui.calls.predictions import Prediction, decode_prediction
from ui.calls.previews import Preview, preview
from ui.encoded_image import EncodedImage
from ui.errors import GatewayProblem
from ui.written_text import WrittenText


@dataclass(frozen=True)
class Side:
    """What one release made of it.

    Attributes:
        answer: Its labels, or why there are none.
        seen: The picture as its model saw it, or why it is not there; None where none was asked.
    """

    release: str
    answer: Prediction | GatewayProblem
    seen: Preview | GatewayProblem | None


def compare(
    caller: Caller, given: EncodedImage | WrittenText, releases: Sequence[str]
) -> tuple[Side, ...]:
    """Ask releases by their names, all at the same time; what fails for one fails for it alone.

    Pictures as models saw them are asked for afterwards: latencies are those of the answers.
    """
    with ThreadPoolExecutor(len(releases)) as pool:
        answers = list(pool.map(partial(_answer, caller, given), releases))
        seen = list(pool.map(partial(_seen, caller, given), releases, answers))
    return tuple(map(Side, releases, answers, seen))


def _answer(
    caller: Caller, given: EncodedImage | WrittenText, release: str
) -> Prediction | GatewayProblem:
    """Ask for as many labels as the gateway gives unasked: a few, or all that there are."""
    body = Body(given.data, given.content_type)
    try:
        return caller.tell(
            "POST", f"/v1/predict/{quote(release, safe='')}", decode_prediction, body=body
        )
    except GatewayProblem as problem:
        return problem.bare()


def _seen(
    caller: Caller,
    given: EncodedImage | WrittenText,
    release: str,
    answer: Prediction | GatewayProblem,
) -> Preview | GatewayProblem | None:
    if isinstance(given, WrittenText) or isinstance(answer, GatewayProblem):
        return None
    try:
        return preview(caller, given, alias=release)
    except GatewayProblem as problem:
        return problem.bare()
