"""What an operator does from the page: load, compare, move weights, roll out, roll back, watch."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from benchmarks.local_stack import LocalStack
from tests import pictures
from tests.e2e.operators_hand import asking_all_the_while, call, confirm, open_as_admin

ROUTE = "/v1/routes/digits"
LOAD = "/v1/admin/releases/digits_r2/load"


@pytest.fixture(autouse=True)
def _as_it_was(stack: LocalStack) -> Iterator[None]:
    """Each test begins with all traffic on digits_r1, and nobody else meets what it leaves."""
    yield
    call(stack, "PUT", ROUTE, arms=[{"release": "digits_r1", "weight": 100}])


@pytest.fixture
def loaded(stack: LocalStack) -> None:
    call(stack, "POST", LOAD, reason="for a test")


def shares(stack: LocalStack) -> dict[str, float]:
    return {arm["release"]: arm["weight"] for arm in call(stack, "GET", ROUTE)["arms"]}


def open_part(page: Page, stack: LocalStack, part: str) -> None:
    open_as_admin(page, stack, "Releases")
    page.get_by_role("tab", name=part).click()


def choose_release(page: Page, name: str) -> None:
    box = page.get_by_role("combobox", name="Release", exact=True)
    box.fill(name)
    page.get_by_role("option", name=name).click()


def move_slider(page: Page, release: str, steps: int) -> None:
    """Back and forth as fast as it goes, faster than the page answers."""
    slider = page.get_by_role("slider", name=release)
    slider.focus()
    for _ in range(steps + 10):
        slider.press("ArrowRight")
    for _ in range(10):
        slider.press("ArrowLeft")


def test_what_a_key_may_not_do_is_not_shown(page: Page, stack: LocalStack) -> None:
    page.goto(stack.ui_url)
    menu = page.get_by_test_id("stSidebarNav")
    expect(menu.get_by_role("link", name="API")).to_be_visible()
    expect(menu.get_by_role("link", name="Releases")).to_have_count(0)

    open_as_admin(page, stack, "Releases")
    assert stack.admin_key not in page.content()
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_text("This page needs another key")).to_be_visible()


def test_a_wrong_key_is_refused_in_words(page: Page, stack: LocalStack) -> None:
    page.goto(stack.ui_url)
    page.get_by_label("API key", exact=True).fill("tp_not_a_key_of_this_gateway")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_text("does not know this key")).to_be_visible()


def test_a_release_is_loaded_and_unloaded(page: Page, stack: LocalStack) -> None:
    open_part(page, stack, "Releases")
    choose_release(page, "digits_r2")
    page.get_by_role("button", name="Load", exact=True).click()
    confirm(page, "Load")
    row = page.get_by_role("row").filter(has_text="digits_r2")
    expect(row).to_contain_text("Ready since")

    page.get_by_role("button", name="Unload", exact=True).click()
    confirm(page, "Unload")
    # It waits until nobody has asked the release anything for ten seconds.
    expect(row).to_contain_text("On disk", timeout=60_000)


@pytest.mark.usefixtures("loaded")
def test_two_releases_answer_side_by_side(page: Page, stack: LocalStack) -> None:
    sample = pictures.sample_files()[0]
    open_as_admin(page, stack, "Compare")
    box = page.get_by_role("combobox", name="Or a sample")
    box.fill(sample.name)
    page.get_by_role("option", name=sample.name).click()
    page.get_by_role("button", name="Compare", exact=True).click()

    expect(page.get_by_text(f"All say {pictures.true_digit(sample)}.")).to_be_visible()
    for release in ("digits_r1", "digits_r2"):
        expect(page.get_by_text(f"As {release} saw it")).to_be_visible()


@pytest.mark.usefixtures("loaded")
def test_a_weight_is_moved_and_rolled_back(page: Page, stack: LocalStack) -> None:
    open_part(page, stack, "Traffic")
    move_slider(page, "digits_r2", 5)
    expect(page.get_by_text("5 of 100 requests move from digits_r1 to digits_r2")).to_be_visible()
    assert shares(stack) == {"digits_r1": 100}

    page.get_by_role("button", name="Apply").click()
    confirm(page, "Apply")
    expect(page.get_by_text(re.compile("Now.*digits_r2"))).to_be_visible()
    assert shares(stack) == {"digits_r1": 95, "digits_r2": 5}


@pytest.mark.usefixtures("loaded")
def test_one_click_and_a_confirmation_roll_back(page: Page, stack: LocalStack) -> None:
    call(stack, "POST", f"{ROUTE}/promote", release="digits_r2")
    open_part(page, stack, "Traffic")
    expect(page.get_by_text(re.compile("Now.*digits_r2"))).to_be_visible()

    page.get_by_role("button", name="Roll back to").click()
    confirm(page, "Roll back")

    expect(page.get_by_text(re.compile("Now.*digits_r1"))).to_be_visible()
    assert shares(stack) == {"digits_r1": 100}


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("loaded")
def test_a_rollout_runs_to_its_end(page: Page, stack: LocalStack) -> None:
    open_part(page, stack, "Rollouts")
    with asking_all_the_while(stack) as statuses:
        page.get_by_text("Start a rollout").click()
        page.get_by_role("textbox", name="Steps, in percent").fill("50, 100")
        for label in ("Seconds per step", "Requests per step", "Copies per step"):
            field = page.get_by_label(label)
            field.fill("2" if "Seconds" in label else "20")
            field.press("Tab")
        page.get_by_role("button", name="Start", exact=True).click()
        confirm(page, "Start")
        expect(page.get_by_text("Running").first).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Promoted").first).to_be_visible(timeout=120_000)
    assert shares(stack) == {"digits_r2": 100}
    assert set(statuses) == {200}


def test_monitoring_follows_the_load(page: Page, stack: LocalStack) -> None:
    open_as_admin(page, stack, "Monitoring")
    requests = page.get_by_test_id("stMetric").filter(has_text="Requests")
    expect(requests).to_be_visible()
    before = requests.inner_text()
    with asking_all_the_while(stack):
        expect(requests).not_to_have_text(before)
        expect(page.get_by_text("Every part is well")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg")).to_be_visible()
