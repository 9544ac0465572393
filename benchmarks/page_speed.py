"""How soon the page can be used, and what it adds to an answer: a real stack, a real Chromium."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.chromium import CHROMIUM, FLAGS
from benchmarks.local_stack import local_stack
from benchmarks.report import footnotes

_PROJECT: Final = Path(__file__).resolve().parents[1]
_RESULT: Final = _PROJECT / "benchmarks" / "results" / "page_speed.md"
_ROUNDS: Final = 7
_LOAD_AIM: Final = 2.0
_ADDED_AIM_MS: Final = 300.0
_QUIET_LOAD: Final = 1.0

_GATEWAY_MS: Final = re.compile(r"gateway ([0-9.]+) ms")
_REQUEST_ID: Final = re.compile(r"request (\S+)")

# Chromium's own clock: Playwright's would add its way there and back. It begins at the navigation.
_NOTE_CLICKS: Final = """
addEventListener('click', () => { window.clickedAt = performance.now(); }, true);
"""
_CAN_BE_USED: Final = """() => {
    const samples = [...document.querySelectorAll('button')];
    const one = samples.find(it => it.textContent.startsWith('Classify') && !it.disabled);
    return one ? performance.now() : null;
}"""
# The caption stands below the chart and is drawn after it; a chart has a size once it is drawn.
_ANSWER_IS_DRAWN: Final = """earlier => {
    const captions = [...document.querySelectorAll('[data-testid=stCaptionContainer]')];
    const text = captions.map(it => it.textContent).find(it => it.startsWith('Release '));
    const chart = document.querySelector('[data-testid=stVegaLiteChart] :is(canvas, svg)');
    const isNew = text && !(earlier && text.endsWith(earlier));
    if (!isNew || !chart || chart.getBoundingClientRect().width === 0) return null;
    return {elapsed: performance.now() - window.clickedAt, caption: text};
}"""


@dataclass(frozen=True)
class Shown:
    """One answer on the page.

    Attributes:
        total_ms: From the click to the chart.
        gateway_ms: The gateway's own time, Triton's in it, as its answer tells.
        request_id: Which answer it was.
    """

    total_ms: float
    gateway_ms: float
    request_id: str

    @property
    def added_ms(self) -> float:
        """What the browser, Streamlit and the way between them took."""
        return self.total_ms - self.gateway_ms


@dataclass(frozen=True)
class Visit:
    """One browser that has seen nothing before."""

    usable_seconds: float
    first: Shown
    next: Shown


def read_caption(caption: str, elapsed_ms: float) -> Shown:
    """What the line below an answer tells.

    Raises:
        ValueError: it tells nothing of the kind.
    """
    gateway, request = _GATEWAY_MS.search(caption), _REQUEST_ID.search(caption)
    if gateway is None or request is None:
        raise ValueError(f"this is not the line below an answer: {caption!r}")
    return Shown(elapsed_ms, float(gateway[1]), request[1])


def visit(browser: Browser, url: str) -> Visit:
    """Open the page in a cold context, and click on two samples."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    try:
        page = context.new_page()
        page.add_init_script(_NOTE_CLICKS)
        page.goto(url)
        usable_ms: float = page.wait_for_function(_CAN_BE_USED).json_value()
        first = _click(page, 0, None)
        return Visit(usable_ms / 1000, first, _click(page, 1, first))
    finally:
        context.close()


def _click(page: Page, place: int, earlier: Shown | None) -> Shown:
    page.get_by_role("button", name=re.compile("^Classify")).nth(place).click()
    seen = page.wait_for_function(_ANSWER_IS_DRAWN, arg=earlier and earlier.request_id)
    drawn = seen.json_value()
    return read_caption(drawn["caption"], drawn["elapsed"])


def to_markdown(visits: Sequence[Visit], load: tuple[float, float]) -> str:
    """The report as it is committed.

    Args:
        visits: What was measured.
        load: Of the machine over the last minute, before and after it.
    """
    rows = (
        ("navigation to a usable page, s", _LOAD_AIM, 2, [it.usable_seconds for it in visits]),
        ("first click to its chart, added, ms", _ADDED_AIM_MS, 0, _added(visits, "first")),
        ("next click to its chart, added, ms", _ADDED_AIM_MS, 0, _added(visits, "next")),
    )
    gateway = median(shown.gateway_ms for it in visits for shown in (it.first, it.next))
    quiet = "quiet" if load[0] < _QUIET_LOAD else "busy with other things: these are upper bounds"
    return "\n".join(
        [
            "# How fast the page is",
            "",
            "A real stack and Chromium on the same machine; each visit in a browser context that "
            "has cached nothing. Usable: the first sample can be clicked. Added: from the click "
            "until the chart is drawn, less the gateway's own time as its answer tells it "
            f"(here {gateway:.1f} ms in the median). The first click of a visit also loads the "
            "code that draws charts. Written by `make bench-ui`.",
            "",
            "| | aim | median | reached | each visit |",
            "| --- | ---: | ---: | --- | --- |",
            *(_row(*row) for row in rows),
            "",
            *footnotes(),
            f"- Load of the machine (`/proc/loadavg`, one minute): {load[0]:.2f} before, "
            f"{load[1]:.2f} after; it was {quiet}",
            "",
        ]
    )


def _added(visits: Sequence[Visit], which: str) -> list[float]:
    return [getattr(it, which).added_ms for it in visits]


def _row(what: str, aim: float, digits: int, values: Sequence[float]) -> str:
    middle = median(values)
    reached = "yes" if middle < aim else "**no**"
    each = ", ".join(f"{value:.{digits}f}" for value in values)
    return f"| {what} | < {aim:g} | {middle:.{digits}f} | {reached} | {each} |"


def measure(rounds: int) -> str:
    """Start a stack, look at it so often, and tell."""
    before = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder) / "state", _PROJECT / "model_repository") as stack,
        sync_playwright() as playwright,
    ):
        stack.wait_for_worker()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        visit(browser, stack.ui_url)  # the first answers of a fresh stack are slow, once
        visits = [visit(browser, stack.ui_url) for _ in range(rounds)]
        browser.close()
    return to_markdown(visits, (before, os.getloadavg()[0]))


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--output", type=Path, default=_RESULT)
    asked = parser.parse_args()
    text = measure(asked.rounds)
    asked.output.write_text(text)
    print(text)  # noqa: T201 - the answer of `make bench-ui`


if __name__ == "__main__":
    main()
