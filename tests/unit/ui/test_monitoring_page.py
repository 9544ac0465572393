"""The Monitoring page: charts, numbers, health, and what it says when something is away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import FakeClock, error_body
from tests.unit.ui.fake_monitoring import (
    FakeMonitoring,
    a_part,
    a_row,
    a_time,
    a_triton,
    a_worker,
)

OpenPage = Callable[..., AppTest]
TRAFFIC = "/v1/admin/monitoring/gateway"
STEPS = "/v1/admin/monitoring"


@pytest.fixture
def gateway() -> FakeMonitoring:
    """Five minutes, of which the first two were busy."""
    busy = [a_worker(5 * it, a_row(), a_row("rejected", 1)) for it in range(1, 25)]
    quiet = [a_worker(5 * it) for it in range(25, 61)]
    steps = [a_triton(5 * it, "digits_r1") for it in range(1, 61)]
    return FakeMonitoring(workers=busy + quiet, tritons={"triton-0": steps})


def titles(page: AppTest) -> list[str]:
    """Of the charts, and what stands in the place of one that has nothing to show."""
    return [it.value.strip("*") for it in page.markdown if it.value.startswith("**")]


def captions(page: AppTest) -> list[str]:
    return [it.value for it in page.caption]


def charts(page: AppTest) -> dict[str, Any]:
    """By what is said of them for those who cannot see: their specification."""
    found = page.get("arrow_vega_lite_chart") or page.get("vega_lite_chart")
    return {it.proto.alt: json.loads(it.proto.spec) for it in found}


def metrics(page: AppTest) -> dict[str, str]:
    return {it.label: it.value for it in page.metric}


def test_it_shows_the_window_in_numbers_and_charts(open_page: OpenPage) -> None:
    page = open_page("monitoring")

    assert not page.exception
    assert not page.error
    assert metrics(page) == {
        "Requests": "264",
        "Answered": "90.9 %",
        "Median latency": "6.9 ms",
        "99th percentile": "6.9 ms",
    }
    assert "Throughput over time, in requests per second" in charts(page)
    assert "Latency of answered requests over time, in ms" in charts(page)
    assert "Memory over time, in MB" in charts(page)
    assert len(charts(page)) == 10


def test_a_chart_has_its_unit_tooltips_and_one_colour_per_series(open_page: OpenPage) -> None:
    latency = charts(open_page("monitoring"))["Latency of answered requests over time, in ms"]

    assert latency["encoding"]["y"]["title"] == "ms"
    assert [it["title"] for it in latency["encoding"]["tooltip"]] == ["Time", "Of", "ms"]
    assert latency["encoding"]["color"]["scale"]["domain"] == ["p50", "p90", "p99"]
    assert latency["encoding"]["color"]["legend"]["columns"] == {"expr": "width < 280 ? 1 : 3"}


def test_a_specification_stays_as_it_is_while_numbers_change(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    page = open_page("monitoring")
    before = charts(page)
    gateway.workers.append(a_worker(305, a_row(requests=50)))

    assert charts(page.run()) == before
    assert metrics(page)["Requests"] == "303"  # what was five minutes ago went


def test_it_asks_only_for_what_is_new(gateway: FakeMonitoring, open_page: OpenPage) -> None:
    page = open_page("monitoring")
    gateway.workers.append(a_worker(305, a_row()))
    page.run()

    first, then = gateway.asked(TRAFFIC)
    assert "since" not in first.url.params
    assert then.url.params["since"] == a_time(270)
    (_, steps) = [it for it in gateway.asked(STEPS) if it.url.path == STEPS]
    assert steps.url.params["since"] == a_time(270)


def test_a_clock_that_is_set_back_hides_nothing_new(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    page = open_page("monitoring")
    assert metrics(page)["Requests"] == "264"

    gateway.workers = [a_worker(5 * it, a_row()) for it in range(1, 4)]
    gateway.tritons = {"triton-0": [a_triton(5 * it, "digits_r1") for it in range(1, 4)]}
    page.run()

    assert metrics(page)["Requests"] == "30"
    assert not page.exception


def test_a_gateway_that_has_just_begun_leaves_what_was_known_before(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    page = open_page("monitoring")
    gateway.workers, gateway.tritons = [], {"triton-0": []}
    page.run()
    assert metrics(page)["Requests"] == "264"

    gateway.workers = [a_worker(360, a_row())]
    page.run()
    assert metrics(page)["Requests"] == "142"


def test_samples_of_several_workers_add_up(gateway: FakeMonitoring, open_page: OpenPage) -> None:
    gateway.workers += [a_worker(5 * it, a_row(), worker=8) for it in range(1, 25)]

    assert metrics(open_page("monitoring"))["Requests"] == "504"


def test_one_release_and_another_window_can_be_chosen(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    gateway.workers.append(a_worker(-1200 + 1500, a_row(release="flowers_r3", requests=4)))
    page = open_page("monitoring")
    assert page.selectbox(key="monitoring_release").options == [
        "All releases",
        "digits_r1",
        "flowers_r3",
    ]
    page.selectbox(key="monitoring_release").select("flowers_r3").run()
    assert metrics(page)["Requests"] == "4"
    assert metrics(page)["Answered"] == "100.0 %"
    assert "Every request of this time got its answer." in captions(page)

    page.button_group(key="monitoring_window").set_value(3600).run()
    assert not page.exception
    assert metrics(page)["Requests"] == "4"


def test_without_requests_it_says_so_in_the_place_of_the_charts(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    gateway.workers = [a_worker(5 * it) for it in range(1, 61)]
    page = open_page("monitoring")

    assert not page.exception
    assert captions(page).count("Nothing was asked in this time.") == 3
    assert metrics(page)["Median latency"] == "—"
    assert "Nobody waited in this time." in captions(page)


def test_right_after_a_start_nothing_is_known_and_nothing_breaks(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    gateway.workers, gateway.tritons = [], {}
    page = open_page("monitoring")

    assert not page.exception
    assert charts(page) == {}
    assert captions(page).count("Nothing is known of this time.") == 5


def test_the_steps_of_each_release_are_a_table(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    gateway.tritons["triton-1"] = [a_triton(5 * it, "topics_r2") for it in range(1, 61)]
    table = open_page("monitoring").dataframe[0].value

    assert list(table["Release"]) == ["digits_r1", "digits_r1", "topics_r2", "topics_r2"]
    assert list(table["Step"]) == ["preprocess", "model"] * 2
    assert set(table["Mean batch"]) == {2.0}
    assert set(table["Wait, ms"]) == {1.0}
    assert set(table["In it, ms"]) == {3.0}


def test_gpus_are_drawn_where_there_are_some(gateway: FakeMonitoring, open_page: OpenPage) -> None:
    for sample in gateway.tritons["triton-0"]:
        sample["gpus"] = {"GPU-1": [0.25, 1024 * 1024, 4 * 1024 * 1024]}

    drawn = charts(open_page("monitoring"))
    assert {"GPU utilisation over time, in %", "GPU memory over time, in MB"} <= drawn.keys()


def test_every_part_is_there_and_those_in_trouble_come_first(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    gateway.parts[-1] = a_part(
        "release",
        "digits_r1",
        server="triton-0",
        state="healing",
        is_well=False,
        reason="stub died: *preprocess*",
    )
    gateway.parts.append(a_part("redis", "redis", state="away", is_well=False, reason="Timeout"))
    gateway.parts.append(a_part("moon", "phase", state="waning"))
    page = open_page("monitoring")
    table = page.table[0].value

    assert "2 of 7 parts are not well" in page.markdown[0].value
    assert list(table["Part"])[:2] == ["`digits_r1` on `triton-0`", "Redis"]
    assert table["State"][0] == ":orange[:material/pending:] being healed"
    assert table["State"][1] == ":red[:material/error:] does not answer"
    assert table["Reason"][0] == r"stub died\: \*preprocess\*"
    assert table["Since"][0] == "10:00:00"
    assert list(table["State"])[-1] == ":green[:material/check_circle:] `waning`"


def test_heals_are_told_with_their_causes(gateway: FakeMonitoring, open_page: OpenPage) -> None:
    gateway.heals = [
        {
            "at": a_time(0),
            "server": "triton-0",
            "release": "digits_r1",
            "cause": "preprocess: stub died, model: stub hung",
            "seconds": 1.234,
        },
        {
            "at": a_time(0),
            "server": "triton-0",
            "release": None,
            "cause": "Triton *hung*",
            "seconds": 8,
        },
    ]
    (told,) = [it.value for it in open_page("monitoring").markdown if it.value.startswith("- ")]
    assert told.splitlines() == [
        "- 10:30:00: the `preprocess` stub of `digits_r1` died, the `model` stub of `digits_r1`"
        " hung (`triton-0`); healed after 1.2 s",
        r"- 10:30:00: Triton \*hung\* (`triton-0`); healed after 8.0 s",
    ]


def test_a_gateway_that_went_away_leaves_what_was_known_and_heals_by_itself(
    gateway: FakeMonitoring, clock: FakeClock, open_page: OpenPage
) -> None:
    page = open_page("monitoring")
    before = metrics(page)
    gateway.is_up = False
    clock.advance(5)
    page.run()

    assert not page.exception
    assert [it.value for it in page.error] != []
    assert len(page.error) == 1
    assert metrics(page) == before
    assert list(page.table[0].value["Part"]) == ["Gateway", "This page"]

    gateway.is_up = True
    clock.advance(5)
    page.run()
    assert not page.error
    assert len(page.table[0].value) == 5


def test_supervisors_that_say_nothing_leave_the_traffic_to_see(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    gateway.refused[STEPS] = (503, error_body("inference_unavailable", "nobody tells"))
    page = open_page("monitoring")

    assert len(page.error) == 1
    assert metrics(page)["Requests"] == "264"
    assert captions(page).count("Nothing is known of this time.") == 3


def test_another_shape_is_a_notice_and_no_traceback(
    gateway: FakeMonitoring, open_page: OpenPage
) -> None:
    for path in (STEPS, TRAFFIC, "/v1/admin/health"):
        gateway.refused[path] = (200, {"servers": 3, "samples": [{}], "parts": [{}]})
    page = open_page("monitoring")

    assert not page.exception
    assert len(page.error) == 1
