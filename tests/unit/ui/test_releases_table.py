"""Releases: what there is, load and unload, the card."""

from __future__ import annotations

import threading
import time

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import FakeClock, error_body
from tests.unit.ui.fake_releases import ReleasesGateway, a_release
from tests.unit.ui.releases_page import OpenPage, button, cells, confirm, look_again, words


@pytest.fixture
def gateway() -> ReleasesGateway:
    return ReleasesGateway()


def choose(page: AppTest, name: str) -> AppTest:
    return page.selectbox(key="releases_chosen").select(name).run()


def test_the_table_says_calmly_what_is_so(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    gateway.releases = [
        a_release("digits_r1", "ready", "ready", routed_by=["digits"]),
        a_release("digits_r2", "loading"),
        a_release("digits_r3", semver="1.4.0"),
        a_release("digits_r4", broken="release.json *cannot* be read", size_bytes=None),
        a_release("digits_r5", "ready", "failing"),
        a_release("digits_r6", "dreaming", "dreaming"),
    ]

    page = open_page("releases")

    assert not page.exception
    rows = cells(page)
    assert rows[0][1] == ":green[:material/check_circle:] Ready since 10:00:00"
    assert "Loading since 10:00:00 (on 1 of 2 servers)" in rows[1][1]
    assert rows[2][1] == ":material/storage: On disk"
    assert r"Cannot be used: release.json \*cannot\* be read" in rows[3][1]
    assert "Answers wrongly since 10:00:00 (on 1 of 2 servers)" in rows[4][1]
    assert "dreaming since" in rows[5][1]
    assert rows[0][2:6] == ["`digits`", "onnxruntime", "240.0 MB", "0.9 MB"]
    assert rows[2][6] == "2026-05-01 · 1.4.0"


def test_a_release_is_loaded_after_a_confirmation_and_with_a_reason(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    page = choose(open_page("releases"), "digits_r3")
    button(page, "Load").click().run()
    assert "proves it with its golden inputs" in words(page)
    assert gateway.orders() == []

    confirm(page, "to be tried")
    gateway.releases[2] = a_release("digits_r3", "ready")
    look_again(page, clock)

    path = "/v1/admin/releases/digits_r3/load"
    assert gateway.orders() == [("POST", path, {"reason": "to be tried"})]
    assert "Ready since" in cells(page)[2][1]
    assert button(page, "Load").disabled


def test_a_confirmation_can_be_left(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    page = choose(open_page("releases"), "digits_r3")
    button(page, "Load").click().run()

    page.button(key="confirmation_no").click().run()

    assert gateway.orders() == []
    assert "confirmation_yes" not in [it.key for it in page.button]


def test_a_load_that_takes_long_does_not_hold_up_the_page(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    is_done = threading.Event()

    def wait(_path: str) -> None:
        is_done.wait(10)

    gateway.on_order = wait
    page = choose(open_page("releases"), "digits_r3")
    button(page, "Load").click().run()

    confirm(page)

    assert "Load `digits_r3`: ordered at 10:32:05, under way." in words(page)
    assert button(page, "Load").disabled
    is_done.set()
    deadline = time.monotonic() + 5
    while "under way" in words(look_again(page, clock)):
        assert time.monotonic() < deadline


def test_a_refused_load_says_why_until_it_was_read(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    path = "POST /v1/admin/releases/digits_r3/load"
    gateway.refusals[path] = (409, error_body("release_refused", "A golden input got '3'."))
    page = choose(open_page("releases"), "digits_r3")
    button(page, "Load").click().run()

    confirm(page)
    look_again(page, clock)

    assert "refused" in words(page)
    assert "A golden input got '3'." in page.error[0].value
    button(page, "Put this notice away").click().run()
    assert not page.error


def test_what_a_route_names_cannot_be_unloaded(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    page = open_page("releases")
    assert button(page, "Unload").disabled
    assert "It serves `digits`" in words(page)

    choose(page, "digits_r2")
    button(page, "Unload").click().run()
    confirm(page)

    assert gateway.orders()[0][1] == "/v1/admin/releases/digits_r2/unload"


@pytest.mark.usefixtures("gateway")
def test_the_card_tells_parity_measurements_and_hashes(open_page: OpenPage) -> None:
    page = open_page("releases")

    said = words(page)
    assert "It did not pass the gate" in said
    assert "Somebody made it promotable all the same" in said
    assert "75.0% of 12 golden inputs" in said
    assert "- 3 of 12 differ" in said
    assert "Accuracy 90.00% of 10 inputs" in said
    everything = str([cells(page, number) for number in range(len(page.table))])
    for told in ("abc123", "PyTorch", "stretch", "ab" * 32, "onnxruntime, openvino"):
        assert told in everything
    page.selectbox(key="measured digits_r1").select(1).run()
    assert "Accuracy 100.00% of ? inputs" in words(page)


def test_a_release_without_gate_and_numbers_says_so(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    gateway.card |= {"parity": None, "measurements": [], "semver": None, "git_commit": ""}

    page = open_page("releases")

    assert "went through no gate" in words(page)
    assert "Nothing was measured." in words(page)


def test_a_gateway_that_goes_away_leaves_what_was_seen(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    page = open_page("releases")
    gateway.is_up = False

    look_again(page, clock)

    assert not page.exception
    assert "Shown is what was so at 10:32:05" in page.error[0].value
    assert cells(page)[0][0] == "`digits_r1`"
    gateway.is_up = True
    assert not look_again(page, clock).error


def test_nothing_at_all_is_said_calmly(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    gateway.releases = []
    assert "No release is on disk" in words(open_page("releases"))
    gateway.is_up = False
    assert not open_page("releases").exception
