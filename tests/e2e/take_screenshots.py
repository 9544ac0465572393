"""Write the pictures of docs/images/ from the real stack: make screenshots."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from benchmarks.local_stack import local_stack
from tests import pictures
from tests.e2e.conftest import CHROMIUM, FLAGS, PROJECT

IMAGES = PROJECT / "docs" / "images"


def main() -> None:
    seven = next(file for file in pictures.sample_files() if pictures.true_digit(file) == "7")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as state_dir,
        local_stack(Path(state_dir), PROJECT / "model_repository") as stack,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 920})
        page.goto(stack.ui_url)
        # The first answer of a fresh stack is slow; the picture should show a usual one.
        for sample in (pictures.sample_files()[0], seven):
            page.get_by_role("button", name=f"Classify {sample.name}").click()
            expect(page.get_by_alt_text(f"Your picture, {sample.name}")).to_be_visible()
            expect(page.get_by_role("table", name="Labels and scores")).to_be_visible()
            expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg")).to_be_visible()
        page.screenshot(path=IMAGES / "predict.png")
        chromium.close()


if __name__ == "__main__":
    main()
