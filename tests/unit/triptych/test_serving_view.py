from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.triptych.small_release import write_small_release
from triptych.errors import ReleaseBroken
from triptych.release import read_release
from triptych.routing import ReleaseName
from triptych.stack.serving_view import build_view, read_releases


def test_every_complete_release_is_read(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    write_small_release(tmp_path, "cats", 2)

    assert [str(release.name) for release in read_releases(tmp_path)] == ["cats_r2", "digits_r1"]


def test_a_repository_that_is_not_there_or_empty_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReleaseBroken, match=r"^There is no model repository at .*absent\b"):
        read_releases(tmp_path / "absent")
    with pytest.raises(ReleaseBroken, match="holds no release"):
        read_releases(tmp_path)


def test_an_incomplete_release_is_refused_with_the_path_that_is_missing(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    write_small_release(tmp_path, number=2)
    lost = tmp_path / "digits_r2_model" / "1" / "model.onnx"
    lost.unlink()

    with pytest.raises(ReleaseBroken) as caught:
        read_releases(tmp_path)

    assert str(caught.value) == f"digits_r2 is incomplete: {lost} is missing."


def test_a_release_that_was_edited_is_refused(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    labels = tmp_path / "digits_r1_postprocess" / "labels.txt"
    labels.write_text("1\n0\n2\n")

    with pytest.raises(ReleaseBroken, match="digits_r1 was edited") as caught:
        read_releases(tmp_path)

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
