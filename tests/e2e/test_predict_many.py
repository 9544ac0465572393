"""What a person does and sees with many pictures: twenty at once, two of them broken."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from benchmarks.local_stack import LocalStack
from tests import pictures

BROKEN = 2


def twenty(folder: Path) -> list[Path]:
    samples = pictures.sample_files()
    files = [folder / f"{number:02}-{samples[number % 12].name}" for number in range(18)]
    for number, file in enumerate(files):
        shutil.copy(samples[number % 12], file)
    for number in range(BROKEN):
        files.append(folder / f"broken-{number}.jpg")
        files[-1].write_text("This is no picture.")
    return files


def test_a_person_classifies_twenty_and_takes_the_answers_away(
    page: Page, stack: LocalStack, tmp_path: Path
) -> None:
    page.goto(stack.ui_url)
    expect(page.get_by_text("All systems ready")).to_be_visible()
    page.get_by_role("tab", name="Upload").click()
    field = page.get_by_label("Upload a picture")
    field.locator("input").set_input_files(twenty(tmp_path))

    expect(page.get_by_text("18 answered, 2 failed")).to_be_visible()
    # The field lets go of them, and is there for the next ones.
    expect(field.get_by_text("broken-1.jpg")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    with Path(download.value.path()).open(encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    best = {line["name"]: line["label"] for line in lines if line["rank"] == "1"}
    refused = [line for line in lines if line["error_code"] == "undecodable_image"]
    assert len(best) == 18
    assert all(label == pictures.true_digit(Path(name[3:])) for name, label in best.items())
    assert len({line["request_id"] for line in refused}) == BROKEN


def test_the_request_of_a_person_is_there_to_copy(page: Page, stack: LocalStack) -> None:
    page.goto(stack.ui_url)
    expect(page.get_by_text("All systems ready")).to_be_visible()
    sample = pictures.sample_files()[0]
    page.get_by_role("button", name=f"Classify {sample.name}").click()
    expect(page.get_by_text("Where the time went")).to_be_visible()
    page.get_by_role("link", name="API").click()

    command = page.get_by_test_id("stCode").first
    expect(command).to_contain_text(f"@./{sample.name}")
    expect(command).to_contain_text(f"{stack.gateway_url}/v1/predict/digits?top_k=5")
