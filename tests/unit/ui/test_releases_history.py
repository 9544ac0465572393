"""Releases: who did what, in sentences, page by page."""

from __future__ import annotations

import pytest

from tests.unit.ui.fake_gateway import error_body
from tests.unit.ui.fake_releases import ReleasesGateway, a_change, a_meaning, an_entry
from tests.unit.ui.releases_page import OpenPage, button, cells, open_part, words

DEEDS = [
    ("route.set", "Set `digits` to `digits_r1` 88 %, `digits_r2` 12 %"),
    ("route.promote", "Gave all of `digits` to `digits_r1` 88 %, `digits_r2` 12 %"),
    ("rollout.start", "Started a rollout of `digits_r2` for `digits`"),
    ("rollout.abort", "Aborted the rollout of `digits`"),
    ("release.unload refused", "Wanted to unload `digits`, which was refused"),
    ("cat.feed", "Did `cat.feed` to `digits`"),
]


@pytest.fixture
def gateway() -> ReleasesGateway:
    return ReleasesGateway()


def test_deeds_read_as_sentences(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    detail = {**a_meaning(4, digits_r1=88, digits_r2=12), "candidate": "digits_r2"}
    gateway.entries = [
        an_entry(9 - number, action, detail=detail) for number, (action, _) in enumerate(DEEDS)
    ]
    gateway.entries[0] |= {"key_id": "", "by": "triptych", "reason": "as it *was*"}
    gateway.entries.append(an_entry(1, "route.rollback"))

    page = open_part(open_page, "history")

    assert not page.exception
    rows = cells(page)
    assert [row[2] for row in rows[:-1]] == [sentence for _, sentence in DEEDS]
    assert rows[0] == ["10:00:00", "Triptych itself", DEEDS[0][1], r"as it \*was\*"]
    assert rows[1][1] == "admin"
    assert rows[-1][2] == "Rolled `digits` back to ?"


def test_pages_are_turned(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    gateway.entries = [an_entry(50 - number, "release.load") for number in range(45)]
    page = open_part(open_page, "history")
    assert button(page, "Newer").disabled

    button(page, "Older").click().run()
    button(page, "Older").click().run()

    assert len(cells(page)) == 5
    assert button(page, "Older").disabled
    button(page, "Newer").click().run()
    assert len(cells(page)) == 20
    page.selectbox(key="releases_history_subject").select("digits_r2").run()
    assert button(page, "Newer").disabled
    last = gateway.asked("/v1/admin/audit")[-1]
    assert dict(last.url.params) == {"limit": "20", "subject": "digits_r2"}


def test_what_an_alias_has_meant_is_told(open_page: OpenPage, gateway: ReleasesGateway) -> None:
    page = open_part(open_page, "history")
    assert "Nothing was done yet." in words(page)

    page.selectbox(key="releases_history_kind").select("route digits").run()

    assert cells(page)[0] == [
        "10:00:00",
        "admin",
        "Revision 3: `digits_r1` 100 %",
        r"less \*noise\*",
    ]
    gateway.changes = [a_change(30 - number, None, digits_r1=100) for number in range(20)]
    page = open_part(open_page, "history")
    page.selectbox(key="releases_history_kind").select("route digits").run()
    button(page, "Older").click().run()
    assert "Nobody has ever set `digits`." in words(page)


def test_a_history_that_nobody_tells_is_a_notice(
    open_page: OpenPage, gateway: ReleasesGateway
) -> None:
    refusal = (503, error_body("database_unavailable"))
    gateway.refusals["GET /v1/admin/audit"] = refusal
    gateway.refusals["GET /v1/routes/digits/history"] = refusal
    page = open_part(open_page, "history")
    assert page.error[0].proto.title == "The service is not ready"

    page.selectbox(key="releases_history_kind").select("route digits").run()

    assert not page.exception
    assert page.error
