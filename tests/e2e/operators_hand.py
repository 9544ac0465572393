"""What tests of an operator's pages do again and again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from benchmarks.local_stack import LocalStack
from tests import pictures

_JOIN_SECONDS = 20.0
_PAUSE_SECONDS = 0.02


def open_as_admin(page: Page, stack: LocalStack, name: str, heading: str = "") -> None:
    """Sign in with the admin key and open the page of that name, as it stands in the menu."""
    page.goto(stack.ui_url)
    page.get_by_label("API key", exact=True).fill(stack.admin_key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Signed in as admin")).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=heading or name, exact=True)).to_be_visible()


def confirm(page: Page, button: str) -> None:
    """Say yes in the dialog that is open."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(dialog).to_have_count(0)


def call(stack: LocalStack, method: str, path: str, **body: object) -> dict[str, Any]:
    """Ask the gateway as the operator, beside the page."""
    answer = httpx.request(
        method,
        stack.gateway_url + path,
        json=body or None,
        headers={"Authorization": f"Bearer {stack.admin_key}", "If-Match": "*"},
        timeout=60,
        trust_env=False,
    )
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


@contextmanager
def asking_all_the_while(stack: LocalStack, clients: int = 2) -> Iterator[list[int]]:
    """Classify a sample again and again.

    Yields:
        The statuses of the answers so far.
    """
    ended, statuses = threading.Event(), list[int]()
    threads = [threading.Thread(target=_ask, args=(stack, ended, statuses)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join(_JOIN_SECONDS)


def _ask(stack: LocalStack, ended: threading.Event, statuses: list[int]) -> None:
    image = pictures.sample_files()[0].read_bytes()
    headers = {"Authorization": f"Bearer {stack.admin_key}", "Content-Type": "image/jpeg"}
    with httpx.Client(base_url=stack.gateway_url, headers=headers, trust_env=False) as client:
        while not ended.wait(_PAUSE_SECONDS):
            statuses.append(client.post("/v1/predict/digits", content=image).status_code)
