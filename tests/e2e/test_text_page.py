"""What a person does and sees with a model for texts."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from benchmarks.local_stack import LocalStack


def choose_words(page: Page, stack: LocalStack) -> None:
    page.goto(stack.ui_url)
    expect(page.get_by_text("All systems ready")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="words").click()
    expect(page.get_by_label("Your text")).to_be_visible()


def test_a_person_writes_a_sentence_and_reads_its_topic(page: Page, stack: LocalStack) -> None:
    choose_words(page, stack)
    page.get_by_label("Your text").fill("Heavy rain and wind tonight")
    page.get_by_role("button", name="Classify").click()

    answer = page.get_by_test_id("stMetric").filter(has_text="Prediction")
    expect(answer).to_contain_text("weather")
    expect(
        page.get_by_test_id("stMainBlockContainer").get_by_text("Release words_r1")
    ).to_be_visible()


def test_a_text_that_was_cut_short_says_so(page: Page, stack: LocalStack) -> None:
    choose_words(page, stack)
    page.get_by_label("Your text").fill("soup " + "and " * 30)
    page.get_by_role("button", name="Classify").click()

    expect(page.get_by_test_id("stMetric").filter(has_text="Prediction")).to_contain_text("food")
    expect(page.get_by_text("first part")).to_be_visible()


def test_a_person_goes_from_texts_to_pictures_and_back(page: Page, stack: LocalStack) -> None:
    choose_words(page, stack)
    page.get_by_test_id("stSidebar").get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="digits").click()
    expect(page.get_by_role("tab", name="Upload")).to_be_visible()

    choose_words(page, stack)
