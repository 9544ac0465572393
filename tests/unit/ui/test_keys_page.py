"""The Keys page as an operator uses it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import NumberInput

from tests.unit.ui.fake_keys import NEW_SECRET, FakeKeys, listed_key, refused

OpenPage = Callable[..., AppTest]

PHONE = listed_key(
    "aa0000000001",
    "phone",
    allowed=["digits", "digits_r2"],
    priority="batch",
    requests_per_minute=1200,
    expires_at="2026-12-31T11:30:20Z",
    usage={
        "today": {"requests": 3, "items": 4, "body_bytes": 999, "refused": 1},
        "last_30_days": {"requests": 1500, "items": 2500, "body_bytes": 2_500_000, "refused": 20},
        "last_used_at": "2026-05-03T08:30:00Z",
    },
)
OLD = listed_key("aa0000000002", "old", revoked_at="2026-05-01T22:30:00Z")
ADMIN = listed_key("0123456789ab", "admin", scopes=["admin"], tenant="lab")
EXPIRED = listed_key("aa0000000004", "visitor", expires_at="2026-05-01T00:00:00Z")


@pytest.fixture
def gateway() -> FakeKeys:
    return FakeKeys(keys=[ADMIN, PHONE, OLD, EXPIRED])


def names(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["Name"])


def chosen(page: AppTest, key_id: str) -> AppTest:
    return page.selectbox(key="keys_chosen").select(key_id).run()


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def amount(page: AppTest, label: str) -> NumberInput:
    """A field of the chosen key; those of a new one, with the same labels, come first."""
    return [field for field in page.number_input if field.label == label][-1]


def said(page: AppTest) -> str:
    elements = [*page.caption, *page.markdown, *page.error, *page.success, *page.warning]
    return "\n".join(str(element.value) for element in [*elements, *page.info])


def test_keys_are_listed_with_what_they_may_do_and_what_they_did(open_page: OpenPage) -> None:
    page = open_page("keys")

    assert not page.exception
    assert page.title[0].value == "Keys"
    assert names(page) == ["admin", "phone", "visitor"]
    row = page.dataframe[0].value.iloc[1]
    assert dict(row) == {
        "Name": "phone",
        "State": "live",
        "Scopes": "predict",
        "Last used": "2026-05-03 10:30",
        "Requests today": 3,
        "Requests, 30 days": 1500,
        "Refused, 30 days": 20,
        "Limits": "1,200 requests/min, batch only",
        "May use": "digits, digits_r2",
        "Expires": "2026-12-31 13:30",
        "Revoked": "",
        "Tenant": "aa0000000001",
        "Id": "aa0000000001",
    }
    assert list(page.dataframe[0].value["State"]) == ["live", "live", "expired"]


def test_revoked_keys_are_shown_when_somebody_asks_for_them(open_page: OpenPage) -> None:
    page = open_page("keys")
    page.toggle(key="keys_show_revoked").set_value(True).run()

    row = page.dataframe[0].value.iloc[2]
    assert (row["State"], row["Revoked"]) == ("revoked", "2026-05-02 00:30")
    chosen(page, OLD["id"])
    assert "It was revoked, and stays so." in said(page)
    assert not page.tabs


@pytest.mark.parametrize(
    ("written", "found"), [("PHO", ["phone"]), ("lab", ["admin"]), ("0004", ["visitor"])]
)
def test_the_list_is_filtered_by_name_tenant_and_id(
    open_page: OpenPage, written: str, found: list[str]
) -> None:
    page = open_page("keys")
    page.text_input(key="keys_filter").input(written).run()

    assert names(page) == found


def test_a_filter_that_finds_nothing_says_so(open_page: OpenPage) -> None:
    page = open_page("keys")
    page.text_input(key="keys_filter").input("nobody").run()

    assert not page.dataframe
    assert "No key is like this." in said(page)


def test_the_use_of_one_key_is_told_in_a_sentence(open_page: OpenPage) -> None:
    page = chosen(open_page("keys"), PHONE["id"])

    assert not page.exception
    assert "Today (UTC): requests 3, refused 1, images and texts 4, received 999 B. In" in (
        said(page)
    )
    assert "requests 1,500, refused 20, images and texts 2,500, received 2.5 MB." in said(page)


def test_a_new_key_has_every_term_and_is_shown_until_the_person_has_it(
    open_page: OpenPage, gateway: FakeKeys
) -> None:
    page = open_page("keys")
    page.text_input(key="keys_name_new_0").input("shop")
    page.multiselect(key="keys_allowed_new_0").select("digits")
    page.number_input(key="keys_requests_per_minute_new_0").set_value(60)
    page.selectbox(key="keys_priority_new_0").select("batch")
    page.datetime_input(key="keys_expires_new_0").set_value(datetime(2026, 6, 1, 12, 30))  # noqa: DTZ001 - as the widget has it
    page.multiselect(key="keys_scopes_new_0").select("metrics")
    page.text_input(key="keys_tenant_new_0").input("lab")
    page = press(page, "Create")

    assert not page.exception
    wish = {
        "name": "shop",
        "scopes": ["predict", "metrics"],
        "tenant": "lab",
        "allowed": ["digits"],
        "priority": "batch",
        "expires_at": "2026-06-01T12:30:00+02:00",
        "requests_per_minute": 60,
        "bytes_per_minute": None,
        "max_concurrency": None,
    }
    assert gateway.orders == [("POST", "/v1/admin/keys", wish)]
    assert page.code[0].value == NEW_SECRET
    assert "secret of **shop** `feedbeef0001`" in said(page)
    assert page.text_input(key="keys_name_new_1").value == ""
    assert page.run().code[0].value == NEW_SECRET
    assert not press(page, "I have it").code
    assert "session_only_on_page" not in page.session_state


def test_a_key_needs_a_name(open_page: OpenPage, gateway: FakeKeys) -> None:
    page = press(open_page("keys"), "Create")

    assert "A key needs a name and a scope." in said(page)
    assert gateway.orders == []


def test_only_what_differs_is_changed(open_page: OpenPage, gateway: FakeKeys) -> None:
    page = chosen(open_page("keys"), PHONE["id"])
    page = press(page, "Change the key")
    assert "The key already is like this" in said(page)
    amount(page, "Requests per minute").set_value(None)
    amount(page, "Requests at once").set_value(4)
    page = press(page, "Change the key")

    changes = {"requests_per_minute": None, "max_concurrency": 4}
    assert gateway.orders == [("PATCH", f"/v1/admin/keys/{PHONE['id']}", changes)]
    assert "**phone** `aa0000000001` is changed." in said(page)
    assert "is changed" not in said(page.run())


def test_a_limit_that_somebody_else_changes_is_not_put_back(
    open_page: OpenPage, gateway: FakeKeys
) -> None:
    page = chosen(open_page("keys"), PHONE["id"])
    gateway.keys[1] = {**PHONE, "requests_per_minute": 7}
    page.run()

    assert amount(page, "Requests per minute").value == 7
    gateway.keys[1] = PHONE


def test_a_rotated_key_is_shown_with_its_time_of_grace(
    open_page: OpenPage, gateway: FakeKeys
) -> None:
    page = chosen(open_page("keys"), PHONE["id"])
    page.selectbox(key=f"keys_grace_{PHONE['id']}").select(3600)
    page = press(page, "Make a new secret")

    path = f"/v1/admin/keys/{PHONE['id']}/rotate"
    assert gateway.orders == [("POST", path, {"grace_seconds": 3600})]
    assert page.code[0].value == NEW_SECRET


def test_a_key_is_revoked_once_the_person_is_sure(open_page: OpenPage, gateway: FakeKeys) -> None:
    page = chosen(open_page("keys"), PHONE["id"])
    page = press(page, "Revoke the key")
    assert "Tick the box first" in said(page)
    assert gateway.orders == []
    page.checkbox(key=f"keys_sure_{PHONE['id']}").check()
    page = press(page, "Revoke the key")

    assert gateway.orders == [("DELETE", f"/v1/admin/keys/{PHONE['id']}", None)]
    assert "**phone** `aa0000000001` is revoked." in said(page)


def test_whoever_would_end_their_own_key_is_warned(open_page: OpenPage) -> None:
    page = chosen(open_page("keys"), ADMIN["id"])

    assert "without it this page closes" in said(page)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("last_admin_key", 409, "Without it nobody could make keys any more"),
        ("unknown_key", 404, "Somebody has revoked it meanwhile"),
        ("database_unavailable", 503, "Wait a moment, then try again"),
    ],
)
def test_a_refused_order_is_told_in_plain_words(
    open_page: OpenPage, gateway: FakeKeys, code: str, status: int, words: str
) -> None:
    gateway.order_refusal = refused(status, code)
    for button in ("Revoke the key", "Change the key", "Make a new secret"):
        page = chosen(open_page("keys"), ADMIN["id"])
        page.checkbox(key=f"keys_sure_{ADMIN['id']}").check()
        amount(page, "Requests at once").set_value(4)
        page = press(page, button)

        assert not page.exception
        assert words in said(page)
        assert words in said(page.run())  # the list redraws itself every few seconds


def test_a_refused_wish_keeps_what_was_written(open_page: OpenPage, gateway: FakeKeys) -> None:
    gateway.order_refusal = refused(400, "invalid_parameter")
    page = open_page("keys")
    page.text_input(key="keys_name_new_0").input("shop")
    page = press(page, "Create")

    assert "No, says the gateway." in said(page)
    assert page.text_input(key="keys_name_new_0").value == "shop"


def test_a_page_in_trouble_says_so_and_heals(open_page: OpenPage, gateway: FakeKeys) -> None:
    gateway.list_refusal = refused(503, "database_unavailable")
    page = open_page("keys")
    assert not page.exception
    assert "Wait a moment" in said(page)
    gateway.list_refusal = (200, {"keys": [{"id": "x"}]})
    assert "does not speak like our gateway" in said(page.run())

    gateway.list_refusal = None
    assert names(page.run()) == ["admin", "phone", "visitor"]


def test_names_from_elsewhere_are_shown_as_they_are_and_turn_no_words_around(
    open_page: OpenPage, gateway: FakeKeys
) -> None:
    gateway.keys = [listed_key("aa0000000009", "*a* \u202etxt.exe", usage=PHONE["usage"])]
    page = chosen(open_page("keys"), "aa0000000009")

    assert names(page) == ["*a* txt.exe"]
    assert "**\\*a\\* txt.exe** `aa0000000009`" in said(page)
