from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest

from tests.unit.triptych.client.fake_gateway import route_body
from triptych.client.grouping import Asked, Batch, Grouping, key_of_rule
from triptych.client.routes import AliasRoute, read_route
from triptych.routing import Route, Sticky, choose_arm


def known(*arms: tuple[str, int], sticky: str = "header", size: int = 4) -> AliasRoute:
    return read_route(route_body(*arms, sticky=sticky) | {"max_batch_size": size})


def asked(*keys: str | None, content: bytes = b"x") -> list[Asked]:
    return [Asked(place, content, key) for place, key in enumerate(keys)]


def places(batches: list[Batch]) -> list[list[int]]:
    return [[item.place for item in batch.items] for batch in batches]


ONE = known(("digits_r1", 100))
HALVES = known(("digits_r1", 50), ("digits_r2", 50))


def test_a_batch_is_full_at_the_routes_size_and_the_rest_comes_out_at_the_end() -> None:
    grouping = Grouping(None, None)

    full = [batch for item in asked(*[None] * 6) for batch in grouping.add(ONE, item)]

    assert places(full) == [[0, 1, 2, 3]]
    assert places(grouping.flush(ONE)) == [[4, 5]]
    assert grouping.flush(ONE) == []


@pytest.mark.parametrize(("wanted", "size"), [(None, 4), (2, 2), (99, 4)])
def test_a_batch_may_be_smaller_than_the_release_takes_never_larger(
    wanted: int | None, size: int
) -> None:
    assert Grouping(None, wanted).batch_size(ONE) == size


def test_large_items_make_small_batches() -> None:
    grouping = Grouping(None, None)
    large = asked(None, None, None, content=bytes(5 * 1024 * 1024))

    assert places([batch for item in large for batch in grouping.add(ONE, item)]) == [[0, 1]]


def test_items_with_keys_travel_with_those_that_meet_the_same_arm_as_the_gateway_would() -> None:
    grouping = Grouping(None, None)
    keys = [f"user-{number}" for number in range(60)]

    batches = [batch for item in asked(*keys) for batch in grouping.add(HALVES, item)]
    batches += grouping.flush(HALVES)

    met = {item.sticky_key: batch.arm for batch in batches for item in batch.items}
    assert met == {key: choose_arm(HALVES.route, key) for key in keys}
    assert set(Counter(len(batch.items) for batch in batches)) <= {1, 2, 3, 4}
    assert {batch.arm.release for batch in batches} == {"digits_r1", "digits_r2"}


def test_without_a_key_a_request_is_drawn_as_a_whole() -> None:
    grouping = Grouping(None, None)
    batches = [b for item in asked(*[None] * 400) for b in grouping.add(HALVES, item)]

    assert {len(batch.items) for batch in batches} == {4}
    assert {batch.arm.release for batch in batches} == {"digits_r1", "digits_r2"}


@pytest.mark.parametrize(
    ("sticky", "key"), [(Sticky.HEADER, "ann"), (Sticky.CALLER, "key-1"), (Sticky.NONE, None)]
)
def test_the_key_is_what_the_routes_rule_says(sticky: Sticky, key: str | None) -> None:
    assert key_of_rule(Route("digits", (), sticky=sticky), "ann", "key-1") == key


def test_who_waits_when_the_route_changes_goes_where_the_new_one_says() -> None:
    grouping = Grouping(None, None)
    for item in asked("ann", "bob", None):
        assert grouping.add(HALVES, item) == []
    moved = known(("digits_r3", 100), size=2)

    full = grouping.add(moved, Asked(3, b"x", "eve"))
    rest = grouping.flush(moved)

    assert {batch.arm.release for batch in [*full, *rest]} == {"digits_r3"}
    assert sorted(chain(*places([*full, *rest]))) == [0, 1, 2, 3]
    assert {len(batch.items) for batch in [*full, *rest]} <= {1, 2}


def test_a_batch_can_be_grouped_anew_without_those_that_wait() -> None:
    grouping = Grouping(None, None)
    grouping.add(HALVES, Asked(9, b"x", "zoe"))
    keys = [f"user-{number}" for number in range(8)]

    batches = grouping.regroup(HALVES, asked(*keys))

    assert sorted(chain(*places(batches))) == list(range(8))
    assert places(grouping.flush(HALVES)) == [[9]]
