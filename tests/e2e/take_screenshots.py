"""Write the pictures of docs/images/ from the real stack: make screenshots."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.local_stack import local_stack
from tests import pictures
from tests.e2e.conftest import CHROMIUM, FLAGS, PROJECT

IMAGES = PROJECT / "docs" / "images"
REPOSITORY = PROJECT / "model_repository"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as state_dir,
        local_stack(Path(state_dir), REPOSITORY) as stack,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 920})
        page.goto(stack.ui_url)
        expect(page.get_by_text("All systems ready")).to_be_visible()
        take_predict(page)
        if (REPOSITORY / "topics_r1").is_dir():
            take_topics(page)
        else:
            print("topics.png is left as it is; `make demo-text` builds what it shows")  # noqa: T201 - a command
        chromium.close()


def choose(page: Page, alias: str) -> None:
    """Choose a model, where there are several."""
    box = page.get_by_test_id("stSidebar").get_by_role("combobox", name="Model")
    if box.count():
        box.click()
        page.get_by_role("option", name=alias).click()


def take_predict(page: Page) -> None:
    choose(page, "digits")
    seven = next(file for file in pictures.sample_files() if pictures.true_digit(file) == "7")
    # The first answer of a fresh stack is slow; the picture should show a usual one.
    for sample in (pictures.sample_files()[0], seven):
        page.get_by_role("button", name=f"Classify {sample.name}").click()
        expect(page.get_by_alt_text(f"Your picture, {sample.name}")).to_be_visible()
        expect_answer(page)
    page.screenshot(path=IMAGES / "predict.png")


def take_topics(page: Page) -> None:
    choose(page, "topics")
    for beginning in ("We took the night train", "Gusts of up to ninety"):
        page.get_by_role("button", name=beginning).click()
        expect(page.get_by_label("Your text")).to_have_value(re.compile(beginning))
        expect_answer(page)
    # Metric, bars and table of a new answer arrive one after the other; the table is the last.
    expect(page.get_by_role("table").get_by_role("row").nth(1)).to_contain_text("weather")
    page.mouse.wheel(0, -5000)
    page.screenshot(path=IMAGES / "topics.png")


def expect_answer(page: Page) -> None:
    expect(page.get_by_role("table", name="Labels and scores")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg")).to_be_visible()


if __name__ == "__main__":
    main()
