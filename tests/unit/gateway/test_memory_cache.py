"""Answers in memory: bounded in bytes, the least recently used goes first, and none gets old."""

from __future__ import annotations

import hashlib
import tracemalloc

from gateway.data_plane.memory_cache import MemoryCache
from python_backends.shared.contract import ItemAnswer, Status

_REFUSED = ItemAnswer(Status.UNDECODABLE, (), ())


def _answer(number: int, labels: int = 10) -> ItemAnswer:
    names = tuple(f"class {number} {label}" for label in range(labels))
    return ItemAnswer(Status.OK, names, tuple(number + label / 7 for label in range(labels)))


def _key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def _size_of_one() -> int:
    cache = MemoryCache(1_000_000, ttl_seconds=1)
    cache.put(_key(1), _answer(1))
    return cache.size_bytes


def test_what_was_put_is_there_until_its_time_is_over() -> None:
    now = 0.0
    cache = MemoryCache(100_000, ttl_seconds=10, clock=lambda: now)
    assert cache.put(_key(1), _answer(1))
    assert cache.put(_key(2), _REFUSED)
    now = 9.9
    assert cache.get(_key(1)) == _answer(1)
    assert cache.get(_key(2)) == _REFUSED
    now = 10.0
    assert cache.get(_key(1)) is None
    assert cache.get(_key(2)) is None
    assert cache.get(_key(3)) is None
    assert cache.size_bytes == 0


def test_the_least_recently_used_goes_first() -> None:
    cache = MemoryCache(3 * _size_of_one(), ttl_seconds=10)
    for number in (1, 2, 3):
        cache.put(_key(number), _answer(number))
    assert cache.get(_key(1))
    cache.put(_key(4), _answer(4))
    assert [bool(cache.get(_key(number))) for number in (1, 2, 3, 4)] == [True, False, True, True]


def test_an_answer_put_again_is_counted_once_and_one_that_never_fits_is_not_kept() -> None:
    cache = MemoryCache(2 * _size_of_one(), ttl_seconds=10)
    cache.put(_key(1), _answer(1))
    cache.put(_key(1), _answer(1))
    assert cache.size_bytes == _size_of_one()
    assert not cache.put(_key(2), _answer(2, labels=1000))
    assert cache.get(_key(1))


def test_the_count_of_bytes_is_honest() -> None:
    for labels in (1, 10):
        cache = MemoryCache(1 << 30, ttl_seconds=10)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1000):
            cache.put(_key(number), _answer(number, labels))
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert 0.9 < cache.size_bytes / (after - before) < 1.3
