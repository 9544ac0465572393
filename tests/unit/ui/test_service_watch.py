from __future__ import annotations

import logging
import threading
from pathlib import Path

import httpx
import pytest

from tests.unit.ui.fake_gateway import DIGITS, FLOWERS, SENTIMENT, FakeClock, FakeGateway
from ui.calls.service_watch import ServiceState, ServiceWatch
from ui.errors import ApiKeyMissing, GatewayDown
from ui.services import build_services
from ui.settings import UiSettings


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("tp_key")
    return path


@pytest.fixture
def watch(gateway: FakeGateway, clock: FakeClock, key_file: Path) -> ServiceWatch:
    settings = UiSettings(api_key_file=key_file, health_interval_seconds=2)
    return build_services(settings, transport=httpx.MockTransport(gateway), now=clock).guest.watch


def test_a_ready_service_is_ready_since_the_gateway_says(watch: ServiceWatch) -> None:
    status = watch.current()

    assert status.is_ready
    assert status.since.isoformat() == "2026-05-03T08:00:00+00:00"
    assert [route.alias for route in status.routes] == ["digits"]


def test_many_sessions_together_ask_no_more_often_than_one(
    watch: ServiceWatch, gateway: FakeGateway
) -> None:
    sessions = [threading.Thread(target=watch.current) for _ in range(8)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join(timeout=5)

    assert len(gateway.asked("/readyz")) == 1


def test_an_answer_older_than_half_the_interval_is_asked_for_again(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock
) -> None:
    watch.current()
    clock.advance(0.9)
    watch.current()
    assert len(gateway.asked("/readyz")) == 1

    clock.advance(0.1)
    watch.current()

    assert len(gateway.asked("/readyz")) == 2


def test_a_clock_that_was_set_back_does_not_stop_the_watch(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock
) -> None:
    watch.current()
    clock.advance(-3600)

    watch.current()

    assert len(gateway.asked("/readyz")) == 2


def test_a_gateway_that_is_down_is_down_since_it_was_first_missed(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock
) -> None:
    watch.current()
    gateway.is_up = False
    clock.advance(60)
    missed_at = clock()
    watch.current()
    clock.advance(60)

    status = watch.current()

    assert status.state is ServiceState.GATEWAY_DOWN
    assert status.since == missed_at
    assert isinstance(status.problem, GatewayDown)


def test_a_second_outage_starts_at_its_own_time(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock
) -> None:
    for is_up in (False, True, False):
        gateway.is_up = is_up
        clock.advance(10)
        status = watch.current()

    assert status.since == clock()


def test_the_models_stay_known_while_the_gateway_is_away(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock
) -> None:
    watch.current()
    gateway.is_up = False
    clock.advance(60)

    assert [route.alias for route in watch.current().routes] == ["digits"]


def test_triton_not_ready_comes_with_the_gateways_time_and_reason(
    watch: ServiceWatch, gateway: FakeGateway
) -> None:
    gateway.not_ready_reason = "A stub died."

    status = watch.current()

    assert status.state is ServiceState.TRITON_NOT_READY
    assert status.since.isoformat() == "2026-05-03T08:00:00+00:00"
    assert status.reason == "A stub died."
    assert [route.alias for route in status.routes] == ["digits"]


def test_without_a_key_the_models_are_unknown_until_it_is_there(
    watch: ServiceWatch, key_file: Path, clock: FakeClock
) -> None:
    key_file.unlink()
    status = watch.current()
    assert status.state is ServiceState.MODELS_UNKNOWN
    assert isinstance(status.problem, ApiKeyMissing)

    key_file.write_text("tp_new")
    clock.advance(2)

    assert watch.current().is_ready


def test_models_for_pictures_and_for_texts_are_offered_and_no_others(
    watch: ServiceWatch, gateway: FakeGateway
) -> None:
    gateway.routes = [SENTIMENT, FLOWERS | {"task": "speech-recognition"}, DIGITS]

    assert [route.alias for route in watch.current().routes] == ["sentiment", "digits"]


def test_known_routes_are_asked_for_again_only_after_a_while(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock
) -> None:
    watch.current()
    clock.advance(9)
    watch.current()
    assert len(gateway.asked("/v1/routes")) == 1

    gateway.routes = [DIGITS, FLOWERS]
    clock.advance(2)

    assert len(watch.current().routes) == 2


def test_a_hiccup_over_known_routes_does_not_pause_the_page(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock
) -> None:
    watch.current()
    gateway.routes_refusal = (503, {})
    clock.advance(60)

    status = watch.current()

    assert status.is_ready
    assert len(status.routes) == 1


@pytest.mark.parametrize("status_code", [401, 403])
def test_a_key_that_is_refused_pauses_the_page(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock, status_code: int
) -> None:
    watch.current()
    gateway.routes_refusal = (status_code, {})
    clock.advance(60)

    assert watch.current().state is ServiceState.MODELS_UNKNOWN


def test_a_page_is_drawn_anew_for_another_state_or_other_models_only(
    watch: ServiceWatch, gateway: FakeGateway, clock: FakeClock
) -> None:
    ready = watch.current()
    clock.advance(2)
    still_ready = watch.current()
    gateway.routes = [DIGITS, FLOWERS]
    clock.advance(60)
    with_flowers = watch.current()
    gateway.not_ready_reason = "A stub died."
    clock.advance(2)
    not_ready = watch.current()

    assert ready.looks_like(still_ready)
    assert not ready.looks_like(with_flowers)
    assert not with_flowers.looks_like(not_ready)


def test_a_change_of_state_is_logged_once(
    watch: ServiceWatch,
    gateway: FakeGateway,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="ui.calls.service_watch")
    gateway.is_up = False
    for _ in range(3):
        watch.current()
        clock.advance(2)

    assert [record.getMessage() for record in caplog.records] == [
        "service state=gateway down why=no connection"
    ]
