"""What a person does and sees: upload, gallery, a broken file, Triton or the gateway gone."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from benchmarks.local_stack import LocalStack, local_stack
from tests import pictures

PROJECT = Path(__file__).resolve().parents[2]


def open_page(page: Page, stack: LocalStack) -> None:
    page.goto(stack.ui_url)
    expect(page.get_by_text("All systems ready")).to_be_visible()


def upload(page: Page, file: Path) -> None:
    page.get_by_role("tab", name="Upload").click()
    page.get_by_label("Upload a picture").locator("input").set_input_files(file)


def expect_prediction(page: Page, file: Path) -> None:
    """The answer to this very picture, and not to the one before it."""
    expect(page.get_by_alt_text(f"Your picture, {file.name}")).to_be_visible()
    digit = pictures.true_digit(file)
    answer = page.get_by_test_id("stMetric").filter(has_text="Prediction")
    expect(answer).to_contain_text(re.compile(rf"Prediction\s*{digit}$"))


def test_a_person_uploads_a_sample_and_reads_the_digit(page: Page, stack: LocalStack) -> None:
    open_page(page, stack)
    sample = next(file for file in pictures.sample_files() if pictures.true_digit(file) == "7")
    upload(page, sample)
    expect_prediction(page, sample)
    expect(
        page.get_by_test_id("stMainBlockContainer").get_by_text("Release digits_r1")
    ).to_be_visible()
    expect(page.get_by_role("table")).to_be_visible()


def test_a_click_on_a_sample_classifies_it(page: Page, stack: LocalStack) -> None:
    open_page(page, stack)
    for sample in pictures.sample_files()[:3]:
        page.get_by_role("button", name=f"Classify {sample.name}").click()
        expect_prediction(page, sample)


def test_a_broken_file_is_explained_and_the_next_one_works(
    page: Page, stack: LocalStack, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("This is no picture.")
    open_page(page, stack)
    upload(page, broken)
    expect(page.get_by_text("This file cannot be read as a picture")).to_be_visible()
    expect(page.get_by_text("Request id")).to_be_visible()
    sample = pictures.sample_files()[0]
    page.get_by_role("tab", name="Samples").click()
    page.get_by_role("button", name=f"Classify {sample.name}").click()
    expect_prediction(page, sample)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.timeout(240)
def test_the_page_says_what_is_down_and_since_when_and_heals(page: Page, tmp_path: Path) -> None:
    clock = r"\d\d:\d\d:\d\d"
    with local_stack(tmp_path, PROJECT / "model_repository") as stack:
        open_page(page, stack)
        # Whoever would put it right at once is stopped meanwhile.
        with stopped(stack.tritons[0]["supervisor_pid"]):
            os.kill(stack.triton["pid"], signal.SIGKILL)
            banner = page.get_by_text(re.compile(f"Triton is not ready since {clock}"))
            expect(banner).to_contain_text("supervisor does not answer")
        expect(page.get_by_text("All systems ready")).to_be_visible()

        with stopped(stack.description["pid"]):
            gateway = psutil.Process(stack.description["gateway"]["pid"])
            for process in (gateway, *gateway.children()):
                process.kill()
            silent = re.compile(f"The gateway at .* does not answer since {clock}")
            expect(page.get_by_text(silent)).to_be_visible()
            page.reload()
            expect(page.get_by_text(silent)).to_be_visible()
            expect(page.get_by_role("heading", name="Triptych")).to_be_visible()
        expect(page.get_by_text("All systems ready")).to_be_visible()
