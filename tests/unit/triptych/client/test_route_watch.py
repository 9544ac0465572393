from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.unit.triptych.client.fake_gateway import FakeRoutes, route_body
from triptych.client.errors import Refused, ServerFailed, TriptychClientError
from triptych.client.route_watch import RouteWatch

FIRST = route_body(("digits_r1", 100), revision=1)
SECOND = route_body(("digits_r2", 100), revision=2)
NEVER = 3600.0


@pytest.fixture
def routes() -> FakeRoutes:
    return FakeRoutes(FIRST)


@pytest.fixture
def http(routes: FakeRoutes) -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.MockTransport(routes), base_url="http://gateway") as client:
        yield client


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_change_is_noticed_by_itself(routes: FakeRoutes, http: httpx.Client) -> None:
    with RouteWatch(http, "digits", poll_seconds=0.01) as watch:
        assert watch.current().route.revision == 1
        routes.body = SECOND
        until(lambda: watch.current().route.revision == 2)

    assert watch.current().route.arms[0].release == "digits_r2"


def test_what_has_not_changed_is_not_sent_again_and_stays_the_same_object(
    routes: FakeRoutes, http: httpx.Client
) -> None:
    with RouteWatch(http, "digits", NEVER) as watch:
        before = watch.current()
        watch.refresh()
        assert routes.statuses == [200, 304]
        assert watch.current() is before

        routes.has_etag = False  # an older gateway
        watch.refresh()
        assert routes.statuses == [200, 304, 200]
        assert watch.current() is before


@pytest.mark.parametrize(
    "outage",
    [
        httpx.ConnectError("away"),
        httpx.Response(503),
        httpx.Response(429),
        httpx.Response(404),  # a gateway that has just been started knows no alias yet
        httpx.Response(200, content=b"<html>"),
    ],
)
def test_the_last_route_stands_while_the_gateway_has_no_better_one(
    routes: FakeRoutes,
    http: httpx.Client,
    outage: httpx.Response | Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with RouteWatch(http, "digits", NEVER) as watch:
        routes.outage = outage
        with caplog.at_level(logging.WARNING):
            watch.refresh()
            watch.refresh()
        assert watch.current().route.revision == 1
        assert watch.age_seconds > 0
        assert len(caplog.records) == 1  # not twice a second

        routes.body, routes.outage = SECOND, None
        watch.refresh()
        assert watch.current().route.revision == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_no_good_any_more_ends_it_until_it_is_good_again(
    routes: FakeRoutes, http: httpx.Client, status: int
) -> None:
    with RouteWatch(http, "digits", NEVER) as watch:
        routes.outage = httpx.Response(status)
        watch.refresh()
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                watch.current()
            assert caught.value.status == status

        routes.outage = None
        watch.refresh()
        assert watch.current().route.revision == 1


@pytest.mark.parametrize("outage", [httpx.ConnectError("away"), httpx.Response(404)])
def test_without_a_first_answer_there_is_no_watch(
    routes: FakeRoutes, http: httpx.Client, outage: httpx.Response | Exception
) -> None:
    routes.outage = outage

    with pytest.raises(TriptychClientError):
        RouteWatch(http, "digits", NEVER)


@pytest.mark.parametrize("missing", ["alias", "task", "arms", "max_batch_size"])
def test_a_route_that_lacks_something_cannot_be_read(
    routes: FakeRoutes, http: httpx.Client, missing: str
) -> None:
    routes.body = {name: value for name, value in FIRST.items() if name != missing}

    with pytest.raises(ServerFailed, match=missing):
        RouteWatch(http, "digits", NEVER)
