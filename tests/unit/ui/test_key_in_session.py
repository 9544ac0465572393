"""A key that was made just now: the session holds it as long as the Keys page is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import FakeClock
from tests.unit.ui.fake_keys import NEW_SECRET, FakeKeys, listed_key
from ui import session
from ui.services import Services, build_services
from ui.settings import UiSettings

OWN = listed_key("0123456789ab", "mine", scopes=["admin"])


def keys_script(services: object) -> None:
    # AppTest runs the text of this function alone, so its imports have to be inside.
    from ui import session  # noqa: PLC0415 - AppTest runs the function alone
    from ui.frame import current_scene  # noqa: PLC0415 - as above
    from ui.services import Services  # noqa: PLC0415 - as above
    from ui.views.keys import show_keys_page  # noqa: PLC0415 - as above

    assert isinstance(services, Services)
    if not session.is_signed_in():
        session.sign_in(services.visit_with("tri_before"))
    show_keys_page(current_scene(services))


def frame_script(services: object) -> None:
    # As above.
    from ui.frame import run_page  # noqa: PLC0415 - as above
    from ui.services import Services  # noqa: PLC0415 - as above

    assert isinstance(services, Services)
    run_page(services)


@pytest.fixture
def gateway() -> FakeKeys:
    return FakeKeys(keys=[OWN])


@pytest.fixture
def services(settings: UiSettings, gateway: FakeKeys, clock: FakeClock) -> Iterator[Services]:
    built = build_services(settings, transport=httpx.MockTransport(gateway), now=clock)
    yield built
    built.http.close()


def opened(script: Callable[[object], None], services: Services) -> AppTest:
    return AppTest.from_function(script, args=(services,), default_timeout=10)


def test_whoever_rotates_their_own_key_goes_on_with_the_new_one(
    services: Services, gateway: FakeKeys
) -> None:
    page = opened(keys_script, services).run()
    page.selectbox(key="keys_chosen").select(OWN["id"]).run()
    # The gateway says which key it is that was rotated.
    gateway.issued_id = OWN["id"]
    gateway.requests.clear()
    page.button(key=f"keys_rotate_it_{OWN['id']}").click().run()

    assert not page.exception
    assert page.code[0].value == NEW_SECRET
    last = gateway.asked("/v1/admin/keys")[-1]
    assert last.headers["Authorization"] == f"Bearer {NEW_SECRET}"


def test_a_key_that_was_shown_is_forgotten_on_another_page(services: Services) -> None:
    page = opened(frame_script, services)
    page.session_state[session.ONLY_ON_PAGE] = session.PageSecret("keys", NEW_SECRET)
    page.run()

    assert not page.exception
    assert session.ONLY_ON_PAGE not in page.session_state


def test_what_a_page_holds_is_told_to_that_page_and_to_no_log() -> None:
    assert NEW_SECRET not in repr(session.PageSecret("keys", NEW_SECRET))
