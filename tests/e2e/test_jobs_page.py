"""What a person does and sees with a job: twenty pictures, two of them broken."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from benchmarks.local_stack import LocalStack
from tests import pictures
from tests.e2e.operators_hand import open_as_admin
from tests.e2e.test_predict_many import BROKEN, twenty


def hand_in(page: Page, files: list[Path]) -> None:
    page.get_by_text("Hand in a job").click()
    field = page.get_by_label("Pictures, or one archive")
    field.locator("input").set_input_files(files)
    expect(page.get_by_text(f"Files here: {len(files)}")).to_be_visible()
    page.get_by_role("button", name="Hand in", exact=True).click()
    expect(page.get_by_text("The job is handed in.")).to_be_visible()


def zip_of(number: int, file: Path) -> Path:
    """An archive of one small sample, again and again."""
    sample = min(pictures.sample_files(), key=lambda it: it.stat().st_size)
    with zipfile.ZipFile(file, "w") as archive:
        for place in range(number):
            archive.write(sample, f"{place:05}-{sample.name}")
    return file


def bar_of(page: Page) -> Locator:
    return page.get_by_test_id("stProgress").get_by_role("progressbar")


def taken_away(page: Page, kind: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {kind}", exact=True).click()
    return Path(download.value.path()).read_text(encoding="utf-8-sig")


def test_a_person_hands_in_twenty_watches_the_bar_and_takes_the_answers_away(
    page: Page, stack: LocalStack, tmp_path: Path
) -> None:
    open_as_admin(page, stack, "Jobs")
    hand_in(page, twenty(tmp_path))

    # Nobody touches the page: it moves by itself.
    expect(page.get_by_text("20 of 20 answered")).to_be_visible()
    expect(bar_of(page)).to_have_attribute("aria-valuenow", "100")
    expect(page.get_by_text(re.compile("Done since"))).to_be_visible()
    expect(page.get_by_text("Refused: the first 2 of 2")).to_be_visible()
    expect(page.get_by_text("Answers: the first 20 of 20")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)

    rows = list(csv.DictReader(taken_away(page, "CSV").splitlines()))
    assert [int(row["index"]) for row in rows] == list(range(20))
    answered = [row for row in rows if row["label"]]
    assert len(answered) == 20 - BROKEN
    assert all(it["label"] == pictures.true_digit(Path(it["name"][3:])) for it in answered)
    refused = [row["error_code"] for row in rows if not row["label"]]
    assert refused == ["undecodable_image"] * BROKEN
    lines = [json.loads(line) for line in taken_away(page, "JSON Lines").splitlines()]
    assert [line["name"] for line in lines] == [row["name"] for row in rows]


def test_a_job_that_runs_is_cancelled_from_the_page(
    page: Page, stack: LocalStack, tmp_path: Path
) -> None:
    open_as_admin(page, stack, "Jobs")
    hand_in(page, [zip_of(6000, tmp_path / "many.zip")])
    page.get_by_role("button", name="Cancel the job").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel the job").click()

    expect(page.get_by_text(re.compile("Cancelled since"))).to_be_visible()
    expect(page.get_by_text("cancelled by the key")).to_be_visible()
