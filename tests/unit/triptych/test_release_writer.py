from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.triptych.small_release import CLASSIFIER, write_small_release
from triptych.errors import ReleaseExists, ReleaseNameInvalid
from triptych.export.release_writer import ImageClassifier, next_number, write_release
from triptych.release import find_releases

CREATED = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def write(repository: Path, release: ImageClassifier) -> Path:
    return write_release(repository, release, git_commit="abc123", created=CREATED)


def test_a_release_is_four_model_folders_each_with_what_triton_wants(tmp_path: Path) -> None:
    folder = write(tmp_path, CLASSIFIER)

    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert folder == tmp_path / "digits_r1"
    assert files == {
        "digits_r1/config.pbtxt",
        "digits_r1/1/.gitkeep",
        "digits_r1/release.json",
        "digits_r1/golden/zero.jpg",
        "digits_r1/golden/one.jpg",
        "digits_r1_preprocess/config.pbtxt",
        "digits_r1_preprocess/1/.gitkeep",
        "digits_r1_model/config.pbtxt",
        "digits_r1_model/1/model.onnx",
        "digits_r1_postprocess/config.pbtxt",
        "digits_r1_postprocess/1/.gitkeep",
        "digits_r1_postprocess/labels.txt",
    }
    assert (tmp_path / "digits_r1_model/1/model.onnx").read_bytes() == b"not really ONNX"


def test_labels_are_written_one_per_line_as_utf8(tmp_path: Path) -> None:
    write(tmp_path, replace(CLASSIFIER, labels=("two words", "køter", "x")))

    content = (tmp_path / "digits_r1_postprocess" / "labels.txt").read_bytes()

    assert content == "two words\nkøter\nx\n".encode()


def test_the_certificate_says_what_this_is_and_where_it_comes_from(tmp_path: Path) -> None:
    folder = write(tmp_path, CLASSIFIER)

    certificate = json.loads((folder / "release.json").read_text())

    artifacts = certificate.pop("artifacts")
    golden = certificate.pop("golden")
    assert certificate == {
        "schema": 1,
        "name": "digits",
        "number": 1,
        "task": "image-classification",
        "promotable": True,
        "created": "2026-01-02T03:04:05+00:00",
        "git_commit": "abc123",
        "source": {"framework": "torch", "seed": "7"},
        "max_batch_size": 32,
        "max_pixels": 1_000_000,
        "top_k": 2,
        "transform": {
            "resize": "stretch",
            "height_pixels": 28,
            "width_pixels": 32,
            "resize_filter": "bicubic",
        },
        "labels": ["0", "1", "2"],
        "metrics": {"accuracy": 0.99},
    }
    assert golden[1] == {
        "file": "one.jpg",
        "sha256": hashlib.sha256(b"picture of one").hexdigest(),
        "label": "1",
        "score": 0.5,
    }
    assert artifacts["digits_r1_model/1/model.onnx"] == (
        hashlib.sha256(b"not really ONNX").hexdigest()
    )
    assert len(artifacts) == 6  # four configs, the model, the labels


def test_a_number_is_used_once_and_the_first_release_stays_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, CLASSIFIER)

    with pytest.raises(ReleaseExists, match=r"^digits_r1 exists .* take the next number\.$"):
        write(tmp_path, replace(CLASSIFIER, onnx_model=b"another"))

    assert (tmp_path / "digits_r1_model/1/model.onnx").read_bytes() == b"not really ONNX"


@pytest.mark.parametrize("name", ["Digits", "a_b", "7up", "", "../digits"])
def test_a_name_that_could_not_be_found_again_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleaseNameInvalid, match="is no release name"):
        write(tmp_path, replace(CLASSIFIER, name=name))

    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path, replace(CLASSIFIER, labels=("half a surrogate \ud800",)))

    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_moving_leaves_nothing_visible_and_a_second_try_succeeds(
    tmp_path: Path,
) -> None:
    obstacle = tmp_path / "digits_r1_model"
    obstacle.write_text("a file where a folder has to go")

    with pytest.raises(OSError, match="digits_r1_model"):
        write(tmp_path, CLASSIFIER)

    assert (tmp_path / "digits_r1_preprocess").is_dir()  # else nothing was half done
    assert list(find_releases(tmp_path)) == []
    assert not list(tmp_path.glob(".writing-*"))
    obstacle.unlink()
    assert write(tmp_path, CLASSIFIER).is_dir()


def test_what_a_crash_left_of_a_step_is_replaced_not_mixed_in(tmp_path: Path) -> None:
    leftover = tmp_path / "digits_r1_model" / "1" / "weights.bin"
    leftover.parent.mkdir(parents=True)
    leftover.touch()

    write(tmp_path, CLASSIFIER)

    assert not leftover.exists()


def test_the_next_number_follows_the_highest_of_that_name(tmp_path: Path) -> None:
    assert next_number(tmp_path, "digits") == 1
    write_small_release(tmp_path, number=2)
    write_small_release(tmp_path, number=10)
    write_small_release(tmp_path, "cats", 40)

    assert next_number(tmp_path, "digits") == 11
