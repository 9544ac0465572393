from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.triptych.small_release import write_small_release
from triptych.release import Release, read_release
from triptych.routing import ReleaseName
from triptych.supervisor.desired_set import ByHand, DesiredSet

DIGITS_1, DIGITS_2, DIGITS_3 = (ReleaseName("digits", number) for number in (1, 2, 3))
KEPT = {"task": "image-classification", "promotable": True, "max_batch_size": 32, "top_k": 2}


def digits(folder: Path, number: int) -> Release:
    write_small_release(folder, number=number)
    return read_release(folder, ReleaseName("digits", number))


def test_what_was_loaded_and_unloaded_is_read_back_and_a_load_forgets_the_unload(
    tmp_path: Path,
) -> None:
    file = DesiredSet(tmp_path / "desired.json")
    assert file.read() == ByHand()
    second = digits(tmp_path, 2)

    file.add(second)
    file.remove(DIGITS_1, promotable=True)
    file.remove(DIGITS_3, promotable=False)  # nobody would serve it unasked
    assert set(file.read().loaded) == {DIGITS_2}
    assert file.read().unloaded == {DIGITS_1}

    file.remove(DIGITS_2, promotable=True)
    assert file.read() == ByHand({}, frozenset({DIGITS_1, DIGITS_2}))
    file.add(second)
    assert file.read().unloaded == {DIGITS_1}
    assert set(file.read().loaded) == {DIGITS_2}


def test_a_file_of_an_older_version_says_nothing_of_unloads(tmp_path: Path) -> None:
    file = tmp_path / "desired.json"
    file.write_text(json.dumps({"releases": {"digits_r2": KEPT}}))

    by_hand = DesiredSet(file).read()

    assert set(by_hand.loaded) == {DIGITS_2}
    assert by_hand.unloaded == frozenset()
    # The first one, which nobody had to load, and the second one both go on.
    assert by_hand.served_unasked([DIGITS_1, DIGITS_2]) == {DIGITS_1}


@pytest.mark.parametrize("text", ["{", "[]", '{"releases": 1}', '{"releases": {}, "unloaded": 1}'])
def test_a_file_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "desired.json"
    file.write_text(text)

    assert DesiredSet(file).read().is_empty


def test_names_that_are_none_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "desired.json"
    file.write_text(json.dumps({"releases": {"digits": KEPT}, "unloaded": ["digits", "digits_r1"]}))

    assert DesiredSet(file).read() == ByHand({}, frozenset({DIGITS_1}))


def test_no_later_release_takes_the_place_of_an_unloaded_one_and_no_earlier_one_goes() -> None:
    named = [DIGITS_1, DIGITS_2]

    assert ByHand(unloaded=frozenset({DIGITS_1})).served_unasked(named) == set()
    assert ByHand(unloaded=frozenset({DIGITS_1})).served_unasked([DIGITS_2]) == set()
    assert ByHand(unloaded=frozenset({DIGITS_2})).served_unasked(named) == {DIGITS_1}
