"""Shares of what is contended: places, and turns."""

from __future__ import annotations

import asyncio

import pytest

from gateway.data_plane.admission.fair_queue import FairQueue
from gateway.data_plane.admission.shared_places import SharedPlaces
from gateway.errors import KeyOverloaded, Overloaded


def _fill(places: SharedPlaces, key_id: str, *, assured: int = 0) -> int:
    taken = 0
    while True:
        try:
            places.take(key_id, assured=assured)
        except (Overloaded, KeyOverloaded):
            return taken
        taken += 1


def test_a_key_that_is_alone_has_two_thirds_and_the_next_finds_room() -> None:
    places = SharedPlaces("places", 30)
    assert _fill(places, "a") == 20
    assert 5 <= _fill(places, "b") <= 7
    assert _fill(places, "c") >= 1


def test_a_key_may_hold_what_is_assured() -> None:
    places = SharedPlaces("places", 30)
    assert _fill(places, "a", assured=25) == 25


def test_places_that_are_given_back_can_be_taken_again() -> None:
    places = SharedPlaces("places", 3)
    for _ in range(10):
        places.take("a", 2)
        with pytest.raises(Overloaded):
            places.take("b", 2)
        places.give_back("a", 2)
    assert (places.taken, places.held_by("a")) == (0, 0)


def test_who_was_let_in_before_comes_in_even_where_all_is_taken() -> None:
    places = SharedPlaces("places", 1)
    places.take("a")
    places.take_anyway("a")
    with pytest.raises(Overloaded):
        places.take("b")
    assert places.taken == 2


def _waiter() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def test_keys_take_turns_however_many_each_of_them_sends() -> None:
    queue, names = FairQueue(), {}
    for key_id, count in (("greedy", 100), ("modest", 3)):
        for _ in range(count):
            waiter = _waiter()
            names[waiter] = key_id
            queue.join(key_id, 1, waiter)
    first = [names[waiter] for waiter in (queue.next() for _ in range(8)) if waiter]
    assert first.count("modest") == 3


async def test_what_costs_eight_times_as_much_gets_an_eighth_and_never_nothing() -> None:
    queue, names = FairQueue(), {}
    for key_id, cost in (("batch", 8.0), ("interactive", 1.0)):
        for _ in range(180):
            waiter = _waiter()
            names[waiter] = key_id
            queue.join(key_id, cost, waiter)
    first = [names[waiter] for waiter in (queue.next() for _ in range(90)) if waiter]
    assert 8 <= first.count("batch") <= 12


async def test_a_key_saves_up_nothing_while_it_is_away() -> None:
    queue, busy = FairQueue(), []
    for _ in range(50):
        busy.append(_waiter())
        queue.join("busy", 1, busy[-1])
    for _ in range(25):
        queue.next()
    late = [_waiter() for _ in range(10)]
    for waiter in late:
        queue.join("late", 1, waiter)
    first = [queue.next() for _ in range(10)]
    assert 4 <= sum(waiter in late for waiter in first) <= 6


async def test_who_has_gone_is_left_out() -> None:
    queue = FairQueue()
    gone, here = _waiter(), _waiter()
    queue.join("a", 1, gone)
    queue.join("a", 1, here)
    gone.cancel()
    assert queue
    assert queue.next() is here
    assert queue.next() is None
    assert not queue


async def test_keys_that_nobody_waits_for_are_forgotten() -> None:
    queue = FairQueue()
    for number in range(5000):
        queue.join(f"key-{number}", 1, _waiter())
        queue.next()
    assert len(queue._next_start) == 1
