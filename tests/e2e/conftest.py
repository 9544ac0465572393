"""The real stack with its UI, and a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.chromium import CHROMIUM, FLAGS
from benchmarks.local_stack import LocalStack, local_stack
from tests.integration.test_releases_command import write_like_digits
from tests.word_votes import repository_with_words

PROJECT = Path(__file__).resolve().parents[2]

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("stack")
    repository = repository_with_words(folder / "models")
    write_like_digits(repository, "digits", 2)
    with local_stack(folder / "state", repository) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()
