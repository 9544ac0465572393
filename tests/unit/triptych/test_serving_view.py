from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from python_backends.shared.contract import Task
from tests.unit.triptych.small_release import write_small_release
from triptych.errors import ReleaseBroken
from triptych.release import read_release
from triptych.routing import ReleaseName
from triptych.stack.serving_view import build_view, read_served_releases
from triptych.supervisor.desired_set import ByHand, Kept

NOTHING = ByHand()
KEPT = Kept(Task.IMAGE_CLASSIFICATION, promotable=True, max_batch_size=32, top_k=2)
DIGITS_1, DIGITS_2 = ReleaseName("digits", 1), ReleaseName("digits", 2)


def served(repository: Path, by_hand: ByHand = NOTHING) -> list[str]:
    return [str(release.name) for release in read_served_releases(repository, by_hand)]


def test_the_first_release_of_each_name_is_served_unasked(tmp_path: Path) -> None:
    for number in (1, 2):
        write_small_release(tmp_path, number=number)
    write_small_release(tmp_path, "cats", 2)

    assert served(tmp_path) == ["cats_r2", "digits_r1"]


def test_what_was_unloaded_is_not_served_and_no_later_release_takes_its_place(
    tmp_path: Path,
) -> None:
    for number in (1, 2):
        write_small_release(tmp_path, number=number)
    write_small_release(tmp_path, "cats")

    assert served(tmp_path, ByHand(unloaded=frozenset({DIGITS_1}))) == ["cats_r1"]
    assert served(tmp_path, ByHand(unloaded=frozenset({DIGITS_2}))) == ["cats_r1", "digits_r1"]
    shutil.rmtree(tmp_path / "digits_r1")
    assert served(tmp_path, ByHand(unloaded=frozenset({DIGITS_1}))) == ["cats_r1"]


def test_what_was_loaded_by_hand_is_left_to_others_and_may_be_broken(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    write_small_release(tmp_path, "cats")
    (tmp_path / "digits_r1_postprocess" / "labels.txt").unlink()

    assert served(tmp_path, ByHand(loaded={DIGITS_1: KEPT})) == ["cats_r1"]


def test_a_broken_release_that_nobody_wants_holds_up_nobody(tmp_path: Path) -> None:
    for number in (1, 2):
        write_small_release(tmp_path, number=number)
    (tmp_path / "digits_r2_model" / "1" / "model.onnx").unlink()
    assert served(tmp_path) == ["digits_r1"]

    (tmp_path / "digits_r1_model" / "1" / "model.onnx").unlink()
    assert served(tmp_path, ByHand(unloaded=frozenset({DIGITS_1}))) == []


def test_a_certificate_that_cannot_be_read_is_left_out_and_no_later_release_takes_its_place(
    tmp_path: Path,
) -> None:
    for number in (1, 2):
        write_small_release(tmp_path, number=number)
    write_small_release(tmp_path, "cats")
    (tmp_path / "digits_r1" / "release.json").write_text("{")

    assert served(tmp_path) == ["cats_r1"]


def test_a_repository_that_is_not_there_or_empty_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReleaseBroken, match=r"^There is no model repository at .*absent\b"):
        read_served_releases(tmp_path / "absent", NOTHING)
    with pytest.raises(ReleaseBroken, match="holds no release"):
        read_served_releases(tmp_path, NOTHING)
    assert served(tmp_path, ByHand(unloaded=frozenset({DIGITS_1}))) == []


def test_an_incomplete_release_is_refused_with_the_path_that_is_missing(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    write_small_release(tmp_path, "cats")
    lost = tmp_path / "digits_r1_model" / "1" / "model.onnx"
    lost.unlink()

    with pytest.raises(ReleaseBroken) as caught:
        read_served_releases(tmp_path, NOTHING)

    assert str(caught.value) == f"digits_r1 is incomplete: {lost} is missing."


def test_a_release_that_was_edited_is_refused(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    labels = tmp_path / "digits_r1_postprocess" / "labels.txt"
    labels.write_text("1\n0\n2\n")

    with pytest.raises(ReleaseBroken, match="digits_r1 was edited") as caught:
        read_served_releases(tmp_path, NOTHING)

    assert str(labels) in str(caught.value)


def test_the_view_links_each_model_of_the_wanted_releases_and_forgets_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # links must hold wherever Triton is started from
    repository, view = Path("models"), tmp_path / "view"
    write_small_release(repository)
    (view / "cats_r1").mkdir(parents=True)

    build_view(view, [read_release(repository, ReleaseName("digits", 1))])

    assert {link.name for link in view.iterdir()} == {
        "digits_r1",
        "digits_r1_preprocess",
        "digits_r1_model",
        "digits_r1_postprocess",
    }
    link = view / "digits_r1_model"
    assert link.readlink() == tmp_path / "models" / "digits_r1_model"
    assert (link / "1" / "model.onnx").is_file()
