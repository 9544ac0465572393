from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.triptych.small_release import (
    CREATED,
    DRAFT,
    VERDICT,
    write,
    write_small_release,
)
from triptych.errors import ReleaseExists, ReleaseNameInvalid
from triptych.export.preprocess_steps import TextStep
from triptych.export.publishing import next_number
from triptych.export.release_writer import staged_release
from triptych.release import find_releases


def test_a_release_is_four_model_folders_each_with_what_triton_wants(tmp_path: Path) -> None:
    folder = write(tmp_path, DRAFT)

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
    write(tmp_path, replace(DRAFT, labels=("two words", "køter", "x")))

    content = (tmp_path / "digits_r1_postprocess" / "labels.txt").read_bytes()

    assert content == "two words\nkøter\nx\n".encode()


def test_the_certificate_says_what_this_is_and_where_it_comes_from(tmp_path: Path) -> None:
    folder = write(tmp_path, DRAFT)

    certificate = json.loads((folder / "release.json").read_text())

    artifacts, golden = certificate.pop("artifacts"), certificate.pop("golden")
    assert certificate == {
        "schema": 1,
        "name": "digits",
        "number": 1,
        "task": "image-classification",
        "promotable": True,
        "forced": False,
        "created": "2026-01-02T03:04:05+00:00",
        "git_commit": "abc123",
        "source": {"framework": "torch", "seed": "7"},
        "precision": "fp32",
        "multiply_accumulates": 0,
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
        "parity": None,
        "metrics": {"accuracy": 0.99},
    }
    assert golden[1] == {
        "file": "one.jpg",
        "sha256": hashlib.sha256(b"picture of one").hexdigest(),
        "label": "1",
        "score": 0.5,
    }
    known = hashlib.sha256(b"not really ONNX").hexdigest()
    assert artifacts["digits_r1_model/1/model.onnx"] == known
    assert len(artifacts) == 6  # four configs, the model, the labels


def test_a_number_is_used_once_and_the_first_release_stays_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, DRAFT)

    with pytest.raises(ReleaseExists, match=r"^digits_r1 exists .* take the next number\.$"):
        write(tmp_path, replace(DRAFT, onnx_model=b"another"))

    assert (tmp_path / "digits_r1_model/1/model.onnx").read_bytes() == b"not really ONNX"


@pytest.mark.parametrize("name", ["Digits", "a_b", "7up", "", "../digits"])
def test_a_name_that_could_not_be_found_again_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleaseNameInvalid, match="is no release name"):
        write(tmp_path, replace(DRAFT, name=name))

    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path, replace(DRAFT, labels=("half a surrogate \ud800",)))

    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_moving_leaves_nothing_visible_and_a_second_try_succeeds(
    tmp_path: Path,
) -> None:
    obstacle = tmp_path / "digits_r1_model"
    obstacle.write_text("a file where a folder has to go")

    with pytest.raises(OSError, match="digits_r1_model"):
        write(tmp_path, DRAFT)

    assert (tmp_path / "digits_r1_preprocess").is_dir()  # else nothing was half done
    assert list(find_releases(tmp_path)) == []
    assert not list(tmp_path.glob(".writing-*"))
    obstacle.unlink()
    assert write(tmp_path, DRAFT).is_dir()


def test_what_a_crash_left_of_a_step_is_replaced_not_mixed_in(tmp_path: Path) -> None:
    leftover = tmp_path / "digits_r1_model" / "1" / "weights.bin"
    leftover.parent.mkdir(parents=True)
    leftover.touch()

    write(tmp_path, DRAFT)

    assert not leftover.exists()


def test_the_next_number_follows_the_highest_of_that_name(tmp_path: Path) -> None:
    assert next_number(tmp_path, "digits") == 1
    write_small_release(tmp_path, number=2)
    write_small_release(tmp_path, number=10)
    write_small_release(tmp_path, "cats", 40)

    assert next_number(tmp_path, "digits") == 11


def test_a_text_release_brings_its_tokenizer(tmp_path: Path) -> None:
    step = TextStep(max_tokens=16, tokenizer=b"{}", max_text_bytes=100)
    folder = write(tmp_path, replace(DRAFT, preprocess=step))

    certificate = json.loads((folder / "release.json").read_text())

    assert (tmp_path / "digits_r1_preprocess" / "tokenizer.json").read_bytes() == b"{}"
    assert "digits_r1_preprocess/tokenizer.json" in certificate["artifacts"]
    assert certificate["task"] == "text-classification"
    assert certificate["transform"] == {"tokenizer": "tokenizer.json", "max_tokens": 16}
    assert certificate["max_text_bytes"] == 100


def test_what_the_gate_said_is_kept_for_ever(tmp_path: Path) -> None:
    verdict = replace(
        VERDICT,
        parity={"passed": False},
        promotable=True,
        is_forced=True,
        documents={"parity.md": "# Parity"},
    )
    folder = write(tmp_path, DRAFT, verdict)

    certificate = json.loads((folder / "release.json").read_text())

    assert (certificate["promotable"], certificate["forced"]) == (True, True)
    assert certificate["parity"] == {"passed": False}
    assert (folder / "parity.md").read_text() == "# Parity"
    assert "digits_r1/parity.md" in certificate["artifacts"]


def test_what_is_staged_and_not_published_is_gone_afterwards(tmp_path: Path) -> None:
    with staged_release(tmp_path / "new", DRAFT) as staged:
        assert (staged.repository / "digits_r1_model" / "1" / "model.onnx").is_file()

    assert list(tmp_path.iterdir()) == []


def test_a_number_that_somebody_else_took_meanwhile_is_left_alone(tmp_path: Path) -> None:
    with staged_release(tmp_path, replace(DRAFT, onnx_model=b"late")) as staged:
        write(tmp_path, DRAFT)
        with pytest.raises(ReleaseExists):
            staged.publish(VERDICT, git_commit="", created=CREATED)

    assert (tmp_path / "digits_r1_model/1/model.onnx").read_bytes() == b"not really ONNX"
