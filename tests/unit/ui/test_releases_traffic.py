"""Releases: who gets which traffic, and moving it."""

from __future__ import annotations

import pytest

from tests.unit.ui.fake_gateway import FakeClock, error_body
from tests.unit.ui.fake_releases import ReleasesGateway, a_change, a_meaning, a_release
from tests.unit.ui.releases_page import OpenPage, button, confirm, look_again, open_part, words


@pytest.fixture
def gateway() -> ReleasesGateway:
    return ReleasesGateway()


def test_weights_move_after_a_preview_and_a_confirmation(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    page = open_part(open_page, "traffic")
    assert not page.exception
    assert "**Now** (revision 3): `digits_r1` 100 %" in words(page)
    assert button(page, "Apply").disabled
    etag = gateway.etag

    page.slider[0].set_value(12).run()

    assert "`digits_r1` gets the rest: **88 %**" in words(page)
    assert "- 12 of 100 requests move from `digits_r1` to `digits_r2`" in words(page)
    assert "same X-Sticky-Key stays with its release" in words(page)
    button(page, "Apply").click().run()
    assert gateway.orders() == []
    confirm(page, "a  first look")
    [(method, path, body)] = gateway.orders()
    assert (method, path) == ("PUT", "/v1/routes/digits")
    assert body["arms"] == [
        {"release": "digits_r1", "weight": 88, "name": ""},
        {"release": "digits_r2", "weight": 12, "name": ""},
    ]
    assert (body["shadow"], body["sticky"], body["reason"]) == (None, "header", "a first look")
    assert gateway.requests[-1].method == "GET"
    [put] = [it for it in gateway.requests if it.method == "PUT"]
    assert put.headers["If-Match"] == etag
    gateway.meaning = a_meaning(4, digits_r1=88, digits_r2=12)
    look_again(page, clock)
    assert "**Now** (revision 4)" in words(page)
    # What was begun is done: nobody is told that somebody else was faster.
    assert not page.warning
    assert [it.value for it in page.slider] == [12]
    assert button(page, "Apply").disabled


def test_no_slider_moves_another_and_too_much_is_not_applied(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    gateway.releases[2] = a_release("digits_r3", "ready")
    page = open_part(open_page, "traffic")
    page.slider[0].set_value(60).run()
    page.slider[1].set_value(70).run()

    assert [it.value for it in page.slider] == [60, 70]
    assert "That is 130 % together" in words(page)
    assert button(page, "Apply").disabled
    assert "Nothing would change" not in words(page)

    page.slider[0].set_value(20).run()
    assert [it.value for it in page.slider] == [20, 70]
    assert "`digits_r1` gets the rest: **10 %**" in words(page)
    button(page, "Apply").click().run()
    confirm(page)
    arms = gateway.orders()[0][2]["arms"]
    assert {it["release"]: it["weight"] for it in arms} == {
        "digits_r1": 10,
        "digits_r2": 20,
        "digits_r3": 70,
    }


def test_somebody_who_was_faster_is_told_and_nothing_is_lost(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    page = open_part(open_page, "traffic")
    page.slider[0].set_value(12).run()
    gateway.refusals["PUT /v1/routes/digits"] = (412, error_body("route_changed"))
    button(page, "Apply").click().run()

    confirm(page)
    assert page.error[0].proto.title == "Somebody else was faster"
    page.button(key="confirmation_no").click().run()
    gateway.meaning = a_meaning(4, digits_r1=50, digits_r2=50)
    look_again(page, clock)

    assert "Somebody has changed this route since you began." in words(page)
    assert page.slider[0].value == 12
    button(page, "Begin from what is so now").click().run()
    look_again(page, clock)
    assert [it.value for it in page.slider] == [50]


def test_who_has_begun_nothing_sees_what_others_change(
    open_page: OpenPage, gateway: ReleasesGateway, clock: FakeClock
) -> None:
    page = open_part(open_page, "traffic")
    gateway.meaning = a_meaning(4, digits_r1=50, digits_r2=50)

    look_again(page, clock)

    assert [it.value for it in page.slider] == [50]
    assert not page.warning


def test_a_rollback_says_to_what_it_goes_back(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    page = open_part(open_page, "traffic")

    button(page, "Roll back to `digits_r2` 100 %").click().run()
    assert "100 of 100 requests move from `digits_r1` to `digits_r2`" in words(page)
    confirm(page, "wrong labels")

    body = {"revision": 3, "reason": "wrong labels"}
    assert gateway.orders() == [("POST", "/v1/routes/digits/rollback", body)]


def test_there_may_be_nothing_to_go_back_to(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    for changes in ([], [a_change(3, None, digits_r1=100)]):
        gateway.changes = changes
        assert "no earlier state" in words(open_part(open_page, "traffic"))


def test_a_release_gets_everything(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    gateway.meaning = a_meaning(3, digits_r1=90, digits_r2=10)
    page = open_part(open_page, "traffic")

    button(page, "Give everything to `digits_r2`").click().run()
    confirm(page)

    body = {"revision": 3, "release": "digits_r2", "reason": ""}
    assert gateway.orders() == [("POST", "/v1/routes/digits/promote", body)]


def test_a_shadow_is_set_and_taken_away(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    page = open_part(open_page, "traffic")
    shadow = page.selectbox[1]
    assert shadow.options == ["Nobody", "digits_r2"]
    shadow.select("digits_r2").run()
    page.number_input[0].set_value(25.0).run()
    assert "`digits_r2` gets copies of 25 % of the requests" in words(page)
    button(page, "Apply").click().run()
    confirm(page)
    assert gateway.orders()[0][2]["shadow"] == {"release": "digits_r2", "percent": 25.0}
    assert gateway.orders()[0][2]["arms"] == [{"release": "digits_r1", "weight": 100, "name": ""}]

    gateway.meaning |= {"revision": 4, "shadow": {"release": "digits_r2", "percent": 25.0}}
    page = open_part(open_page, "traffic")
    assert "copies of 25 % to `digits_r2`" in words(page)
    assert button(page, "Give everything to `digits_r2`")
    page.selectbox[1].select("").run()
    assert "nobody gets copies any more" in words(page)


def test_who_moves_traffic_under_a_rollout_is_told_that_this_ends_it(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    gateway.rollouts = [
        {
            "id": "4f6c2a9b1d0e",
            "alias": "digits",
            "stable": "digits_r1",
            "candidate": "digits_r2",
            "state": "running",
            "sentence": "",
            "percent": 5,
            "created_at": "2026-05-03T08:00:00Z",
            "changed_at": "2026-05-03T08:00:00Z",
            "by": "admin",
            "reason": "",
        }
    ]
    page = open_part(open_page, "traffic")

    button(page, "Roll back").click().run()

    assert "A rollout of this alias is under way" in words(page)


def test_one_release_alone_has_no_slider(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    del gateway.releases[1]
    page = open_part(open_page, "traffic")
    assert not page.slider
    assert "Only `digits_r1` is ready for this alias." in words(page)

    gateway.releases = []
    assert "No alias has a release yet." in words(open_part(open_page, "traffic"))


def test_a_route_that_nobody_tells_is_a_notice(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    gateway.refusals["GET /v1/routes/digits"] = (503, error_body("inference_unavailable"))

    page = open_part(open_page, "traffic")

    assert not page.exception
    assert page.error[0].proto.title == "The service is not ready"
