from __future__ import annotations

import struct

import pytest

from python_backends.shared.contract import (
    ITEM_OF,
    PIPELINES,
    STEP_NAMES,
    ItemAnswer,
    Status,
    Task,
    decode_answers,
    decode_bytes_tensor,
    encode_bytes_tensor,
)
from python_backends.shared.errors import ContractBroken


@pytest.mark.parametrize(
    "items", [[], [b""], [b"a"], [b"", b"abc", b""], ["чай".encode(), bytes(range(256)) * 3]]
)
def test_bytes_elements_survive_the_wire(items: list[bytes]) -> None:
    assert decode_bytes_tensor(encode_bytes_tensor(items)) == items


def test_an_element_stands_behind_its_length_in_four_bytes_little_endian() -> None:
    assert encode_bytes_tensor([b"ab", b""]) == b"\x02\x00\x00\x00ab\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x01", "inside a length prefix"),
        (b"\x01\x00\x00\x00a\x02\x00", "inside a length prefix"),
        (b"\x02\x00\x00\x00a", "inside an element"),
        (b"\xff\xff\xff\xff", "inside an element"),
    ],
)
def test_a_bytes_tensor_that_ends_too_soon_is_broken(raw: bytes, reason: str) -> None:
    with pytest.raises(ContractBroken, match=reason):
        decode_bytes_tensor(raw)


def test_a_tensor_with_more_elements_than_it_may_have_is_not_read_on() -> None:
    raw = encode_bytes_tensor([b"a", b"", b"b"])

    assert decode_bytes_tensor(memoryview(raw), at_most=3) == [b"a", b"", b"b"]
    with pytest.raises(ContractBroken, match="more than 2 elements"):
        decode_bytes_tensor(raw, at_most=2)


def answer(
    labels: list[bytes], scores: list[float], states: list[int], **instead: bytes
) -> dict[str, bytes]:
    raw = {
        "LABEL": encode_bytes_tensor(labels),
        "SCORE": struct.pack(f"<{len(scores)}f", *scores),
        "STATUS": bytes(states),
    }
    return {**raw, **instead}


def test_answers_are_read_item_by_item() -> None:
    raw = answer(["чай".encode(), b"b", b"c", b"d"], [0.75, 0.25, 0.5, 0.125], [0, 1])

    assert decode_answers(raw, items=2) == [
        ItemAnswer(Status.OK, ("чай", "b"), (0.75, 0.25)),
        ItemAnswer(Status.TRUNCATED, ("c", "d"), (0.5, 0.125)),
    ]


@pytest.mark.parametrize("status", [status for status in Status if not status.is_answered])
def test_a_refused_item_has_neither_labels_nor_scores(status: Status) -> None:
    raw = answer([b"", b"a"], [0.0, 1.0], [status, 0])

    first, second = decode_answers(raw, items=2)

    assert first == ItemAnswer(status, (), ())
    assert second.labels == ("a",)


BROKEN = {
    "a state missing": (answer([b"a", b"b"], [1, 0], [0]), 2),
    "a state too many": (answer([b"a"], [1], [0, 0]), 1),
    "a label too few": (answer([b"a", b"b", b"c"], [1, 0, 0], [0, 0]), 2),
    "no labels": (answer([], [], [0]), 1),
    "a score missing": (answer([b"a"], [], [0]), 1),
    "a score too many": (answer([b"a"], [1, 1], [0]), 1),
    "half a score": (answer([b"a"], [1], [0], SCORE=b"\x00\x00"), 1),
    "an unknown state": (answer([b"a"], [1], [99]), 1),
    "a label that is not UTF-8": (answer([b"\xff"], [1], [0]), 1),
    "labels cut short": (answer([b"a"], [1], [0], LABEL=b"\x05\x00\x00\x00a"), 1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_does_not_fit_together_is_broken(name: str) -> None:
    raw, items = BROKEN[name]

    with pytest.raises(ContractBroken):
        decode_answers(raw, items=items)


@pytest.mark.parametrize("missing", ["LABEL", "SCORE", "STATUS"])
def test_an_answer_without_one_of_its_tensors_is_broken(missing: str) -> None:
    raw = answer([b"a"], [1], [0])
    del raw[missing]

    with pytest.raises(ContractBroken, match=missing):
        decode_answers(raw, items=1)


@pytest.mark.parametrize("task", Task)
def test_each_step_gets_what_the_ensemble_or_a_step_before_it_gives(task: Task) -> None:
    steps = PIPELINES[task]
    known = set(steps[""].inputs)
    assert known == {ITEM_OF[task]}
    for step in ("preprocess", "model", "postprocess"):
        assert set(steps[step].inputs) <= known
        known |= set(steps[step].outputs)

    assert set(steps[""].outputs) <= known
    assert tuple(steps) == STEP_NAMES
