"""What Redis keeps and gives back; a Redis that is away or holds nonsense is no error."""

from __future__ import annotations

import logging

import pytest

from gateway.data_plane.redis_cache import RedisCache, decode_answer, encode_answer
from python_backends.shared.contract import ItemAnswer, Status
from triptych.stack.ports import free_ports

_ANSWERS = [
    ItemAnswer(Status.OK, ("7", "ö"), (0.10000000149011612, 0.5)),
    ItemAnswer(Status.TRUNCATED, ("a",), (1.0,)),
    ItemAnswer(Status.UNDECODABLE, (), ()),
]


@pytest.mark.parametrize("answer", _ANSWERS)
def test_an_answer_comes_back_as_it_was(answer: ItemAnswer) -> None:
    assert decode_answer(encode_answer(answer)) == answer


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"7",
        b"[]",
        b'{"a": 1}',
        b"[0]",
        b"[0,[],[]]",  # answered, and no labels
        b'[2,["a"],[0.5]]',  # refused, and labels
        b'[9,["a"],[0.5]]',
        b'["0",["a"],[0.5]]',
        b'[0,["a"],[0.5,0.5]]',
        b"[0,[1],[0.5]]",
        b'[0,["a"],["0.5"]]',
        b'[0,["a"],[true]]',
        b'[0,"a",[0.5]]  x',
        b'[0,["a"],[0.5]',
        b"[" * 100_000,
    ],
)
def test_what_is_not_exactly_an_answer_is_none(raw: bytes) -> None:
    assert decode_answer(raw) is None


async def test_a_redis_that_is_away_gives_nothing_takes_nothing_and_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    cache = RedisCache(f"redis://:secret@127.0.0.1:{free_ports(1)[0]}/0", ttl_seconds=1)
    assert await cache.get_many([b"a"]) == {}
    await cache.put_many({b"a": _ANSWERS[0]})
    assert await cache.get_many([b"a"]) == {}
    await cache.close()
    assert len(caplog.records) == 1
    assert "redis" in caplog.text
    assert "secret" not in caplog.text
