"""Write the pictures of docs/images/ from the real stack, in both themes: make screenshots.

With names of pages behind it, only theirs: python -m tests.e2e.take_screenshots jobs keys
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.chromium import CHROMIUM, FLAGS
from benchmarks.local_stack import LocalStack, local_stack
from tests import pictures
from tests.e2e.conftest import PROJECT
from tests.e2e.operators_hand import asking_all_the_while, call, open_as_admin
from tests.e2e.test_jobs_page import hand_in, zip_of
from tests.e2e.test_predict_many import twenty
from tests.integration.test_releases_command import write_like_digits

IMAGES: Final = PROJECT / "docs" / "images"
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
# So that charts of the last minutes have something to show.
BUSY_SECONDS: Final = 60
# Pictures in a job that is still at work when it is pictured.
LARGE_JOB: Final = 12_000
# Charts arrive after the text, and nothing on the page tells when the last one is drawn.
SETTLED_MS: Final = 2500


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        repository = Path(folder) / "models"
        shutil.copytree(PROJECT / "model_repository", repository)
        write_like_digits(repository, "digits", 2)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with local_stack(Path(folder) / "state", repository) as stack:
            lead_a_life(stack)
            wanted = sys.argv[1:]
            for name, take in pages(repository).items():
                for theme in THEMES if not wanted or name in wanted else ():
                    take_one(chromium, stack, f"{name}-{theme}", theme, take)
        chromium.close()


def lead_a_life(stack: LocalStack) -> None:
    """Make what the pages tell of: traffic, a rollout, a moved weight, a key."""
    call(stack, "POST", "/v1/admin/releases/digits_r2/load", reason="the next candidate")
    call(stack, "POST", "/v1/admin/keys", name="warehouse", tenant="acme", scopes=["predict"])
    terms = {"steps": [5, 25, 50, 100], "step_seconds": 8, "min_requests": 30, "min_pairs": 100}
    with asking_all_the_while(stack):
        call(stack, "POST", "/v1/admin/rollouts", alias="digits", to="digits_r2", **terms)
        time.sleep(BUSY_SECONDS)


def pages(repository: Path) -> dict[str, Callable[[Page, LocalStack], None]]:
    """What to do before each picture is taken."""
    found: dict[str, Callable[[Page, LocalStack], None]] = {
        "predict": show_predict,
        "many": show_many,
        "jobs": show_jobs,
        "compare": show_compare,
        "releases": show_releases,
        "traffic": show_traffic,
        "rollouts": show_rollouts,
        "monitoring": show_monitoring,
        "keys": show_keys,
        "api": show_api,
    }
    if (repository / "topics_r1").is_dir():
        return {**found, "topics": show_topics}
    print("topics is left as it is; `make demo-text` builds what it shows")  # noqa: T201 - a command
    return found


def take_one(
    chromium: Browser,
    stack: LocalStack,
    name: str,
    theme: Literal["light", "dark"],
    take: Callable[[Page, LocalStack], None],
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 920}, color_scheme=theme)
    page = context.new_page()
    take(page, stack)
    page.wait_for_timeout(SETTLED_MS)
    page.mouse.move(0, 0)
    page.screenshot(path=IMAGES / f"{name}.png")
    context.close()


def choose(page: Page, alias: str) -> None:
    """Choose a model, where there are several."""
    box = page.get_by_test_id("stSidebar").get_by_role("combobox", name="Model")
    if box.count():
        box.click()
        page.get_by_role("option", name=alias).click()


def open_predict(page: Page, stack: LocalStack, alias: str) -> None:
    open_as_admin(page, stack, "Predict", heading="Triptych")
    choose(page, alias)


def show_predict(page: Page, stack: LocalStack) -> None:
    open_predict(page, stack, "digits")
    seven = next(file for file in pictures.sample_files() if pictures.true_digit(file) == "7")
    page.get_by_role("button", name=f"Classify {seven.name}").click()
    expect(page.get_by_text("Where the time went")).to_be_visible()


def show_many(page: Page, stack: LocalStack) -> None:
    open_predict(page, stack, "digits")
    page.get_by_role("tab", name="Upload").click()
    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder) / "broken.jpg"
        broken.write_text("This is no picture.")
        files = [*pictures.sample_files(), broken]
        page.get_by_label("Upload a picture").locator("input").set_input_files(files)
        expect(page.get_by_text("answered, 1 failed")).to_be_visible()


def show_jobs(page: Page, stack: LocalStack) -> None:
    with tempfile.TemporaryDirectory() as folder:
        open_as_admin(page, stack, "Jobs")
        hand_in(page, twenty(Path(folder)))
        page.get_by_text("Hand in a job").click()  # folds the form
        expect(page.get_by_text("20 of 20 answered")).to_be_visible()
        expect(page.get_by_text("The job is handed in.")).to_have_count(0)
        archive = zip_of(LARGE_JOB, Path(folder) / "many.zip")
        httpx.post(
            f"{stack.gateway_url}/v1/jobs?alias=digits",
            content=archive.read_bytes(),
            headers={"Content-Type": "application/zip", "X-API-Key": stack.admin_key},
            timeout=60,
            trust_env=False,
        ).raise_for_status()


def show_compare(page: Page, stack: LocalStack) -> None:
    open_as_admin(page, stack, "Compare")
    sample = pictures.sample_files()[0]
    box = page.get_by_role("combobox", name="Or a sample")
    box.fill(sample.name)
    page.get_by_role("option", name=sample.name).click()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("As digits_r2 saw it")).to_be_visible()


def show_releases(page: Page, stack: LocalStack) -> None:
    open_as_admin(page, stack, "Releases")
    expect(page.get_by_text("Where it comes from")).to_be_visible()


def show_traffic(page: Page, stack: LocalStack) -> None:
    open_as_admin(page, stack, "Releases")
    page.get_by_role("tab", name="Traffic").click()
    expect(page.get_by_text("Roll back to")).to_be_visible()


def show_rollouts(page: Page, stack: LocalStack) -> None:
    open_as_admin(page, stack, "Releases")
    page.get_by_role("tab", name="Rollouts").click()
    expect(page.get_by_text("Decisions, newest first")).to_be_visible()


def show_monitoring(page: Page, stack: LocalStack) -> None:
    open_as_admin(page, stack, "Monitoring")
    expect(page.get_by_text("Every part is well")).to_be_visible()


def show_keys(page: Page, stack: LocalStack) -> None:
    open_as_admin(page, stack, "Keys")
    expect(page.get_by_text("Key to change")).to_be_visible()


def show_api(page: Page, stack: LocalStack) -> None:
    open_as_admin(page, stack, "API")
    expect(page.get_by_test_id("stCode").first).to_be_visible()


def show_topics(page: Page, stack: LocalStack) -> None:
    open_predict(page, stack, "topics")
    page.get_by_role("button", name="Gusts of up to ninety").click()
    expect(page.get_by_text("Where the time went")).to_be_visible()
    page.mouse.wheel(0, -5000)


if __name__ == "__main__":
    main()
