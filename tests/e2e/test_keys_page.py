"""What an operator does with keys: signs in, makes one, lifts its limit, revokes it."""

from __future__ import annotations

from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from benchmarks.local_stack import LocalStack
from tests import pictures


def open_keys(page: Page, stack: LocalStack) -> None:
    page.goto(f"{stack.ui_url}/keys")
    page.get_by_label("API key", exact=True).fill(stack.admin_key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()


def choose(page: Page, name: str) -> None:
    # By keyboard: the list of options may still move while the page is drawn anew.
    box = page.get_by_role("combobox", name="Key to change")
    box.fill(name)
    expect(page.get_by_role("option", name=name)).to_be_visible()
    box.press("Enter")
    expect(page.get_by_role("tab", name="Revoke")).to_be_visible()


def predict_status(stack: LocalStack, key: str) -> int:
    sample: Path = pictures.sample_files()[0]
    headers = {"X-API-Key": key, "Content-Type": "image/jpeg"}
    url = f"{stack.gateway_url}/v1/predict/digits"
    answer = httpx.post(url, content=sample.read_bytes(), headers=headers, trust_env=False)
    return answer.status_code


def test_a_key_is_made_seen_once_freed_of_its_limit_and_ended(
    page: Page, stack: LocalStack
) -> None:
    open_keys(page, stack)
    page.get_by_text("Create a key").click()
    page.get_by_label("Name", exact=True).fill("narrow")
    page.get_by_label("Bytes per minute").fill("1")
    page.get_by_role("button", name="Create", exact=True).click()
    key = page.get_by_test_id("stCode").inner_text().strip()
    assert predict_status(stack, key) == 429
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_role("button", name="I have it")).to_have_count(0)
    expect(page.get_by_text(key)).to_have_count(0)

    choose(page, "narrow")
    limit = page.get_by_label("Bytes per minute").last
    expect(limit).to_have_value("1")
    limit.fill("")
    page.get_by_role("button", name="Change the key").click()
    expect(page.get_by_text("is changed.")).to_be_visible()
    assert predict_status(stack, key) == 200
    expect(page.get_by_text("requests 2, refused 1, images and texts 1").first).to_be_visible()

    page.get_by_role("tab", name="Revoke").click()
    page.get_by_text("Yes, end").click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_text("is revoked.")).to_be_visible()
    assert predict_status(stack, key) == 401


def test_nobody_revokes_the_last_key_that_may_administer(page: Page, stack: LocalStack) -> None:
    open_keys(page, stack)
    choose(page, "admin")
    page.get_by_role("tab", name="Revoke").click()
    page.get_by_text("Yes, end").click()
    page.get_by_role("button", name="Revoke the key").click()

    expect(page.get_by_text("This is the last key that may administer")).to_be_visible()
