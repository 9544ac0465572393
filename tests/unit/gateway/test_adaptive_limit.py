"""The limit against a simulated server: how far it grows, how it shrinks, how it learns."""

from __future__ import annotations

from collections.abc import Callable

from gateway.data_plane.admission.adaptive_limit import AdaptiveLimit, Call


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _limit(clock: Clock, *, ceiling: int = 256, tolerance: float = 2.0) -> AdaptiveLimit:
    return AdaptiveLimit(ceiling=ceiling, tolerance=tolerance, clock=clock)


def _run(
    limit: AdaptiveLimit, clock: Clock, seconds_of: Callable[[int], float], rounds: int
) -> None:
    """As many calls as may be in flight, all at once, again and again."""
    for _ in range(rounds):
        count = limit.current()
        calls = [limit.begin(in_flight=it + 1, items=1, size_bytes=70_000) for it in range(count)]
        clock.now += seconds_of(count)
        for call in calls:
            limit.end(call)


def test_a_server_that_does_four_at_once_gets_about_as_many_as_the_tolerance_allows() -> None:
    clock = Clock()
    limit = _limit(clock, tolerance=2.0)
    _run(limit, clock, lambda count: 0.060 * max(1, count / 4), 300)
    assert 6 <= limit.sustained <= 9  # twice as long as alone, at eight


def test_a_fast_server_gets_as_many_as_the_ceiling_soon() -> None:
    clock = Clock()
    limit = _limit(clock, ceiling=256)
    _run(limit, clock, lambda _: 0.005, 20)
    assert limit.sustained == 256


def test_a_tiny_network_gets_as_many_as_it_answers_unnoticed() -> None:
    clock = Clock()
    limit = _limit(clock, tolerance=3.0)
    _run(limit, clock, lambda count: 0.004 + 0.002 * count, 300)
    assert 38 <= limit.sustained <= 48  # 100 ms, and not the 18 ms that are three times one alone


def test_a_server_that_becomes_slower_gets_fewer_and_more_again_when_it_recovers() -> None:
    clock = Clock()
    limit = _limit(clock)
    _run(limit, clock, lambda count: 0.030 * max(1, count / 16), 200)
    before = limit.sustained
    _run(limit, clock, lambda count: 0.030 * max(1, count / 4), 100)
    loaded = limit.sustained
    _run(limit, clock, lambda count: 0.030 * max(1, count / 16), 400)
    assert before > 2 * loaded
    assert limit.sustained > 2 * loaded


def test_a_server_that_is_slow_from_now_on_is_measured_anew_alone() -> None:
    clock = Clock()
    limit = _limit(clock)
    _run(limit, clock, lambda count: 0.010 * max(1, count / 8), 200)
    _run(limit, clock, lambda count: 0.100 * max(1, count / 8), 2000)
    assert 12 <= limit.sustained <= 18


def test_it_never_falls_below_two_nor_grows_without_being_full() -> None:
    clock = Clock()
    limit = _limit(clock)
    _run(limit, clock, lambda count: 0.030 * count**3, 200)
    assert limit.sustained == 2
    idle = _limit(clock)
    for _ in range(500):
        call = idle.begin(in_flight=1, items=1, size_bytes=10)
        clock.now += 0.005
        idle.end(call)
    assert idle.sustained == 8


def test_a_large_call_is_compared_with_large_ones() -> None:
    clock = Clock()
    limit = _limit(clock)
    _run(limit, clock, lambda _: 0.005, 10)
    grown = limit.sustained
    for _ in range(200):
        call = limit.begin(in_flight=grown, items=32, size_bytes=3_000_000)
        clock.now += 0.200
        limit.end(call)
    assert limit.sustained >= grown


def test_a_probe_that_nothing_answers_holds_the_line_for_a_second_only() -> None:
    clock = Clock()
    limit = _limit(clock)
    assert limit.current() == 1
    clock.now += 1.0
    assert limit.current() == 8


def test_what_began_under_another_limit_says_nothing_of_this_one() -> None:
    clock = Clock()
    limit = _limit(clock)
    old = [limit.begin(in_flight=9, items=1, size_bytes=10) for _ in range(100)]
    _run(limit, clock, lambda _: 0.005, 12)
    before = limit.sustained
    clock.now += 5
    for call in old:
        limit.end(call)
    assert limit.sustained == before
    assert isinstance(old[0], Call)
