from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.triptych.small_release import DRAFT, VERDICT, write, write_small_release
from triptych.errors import ReleaseBroken
from triptych.release import Certificate, Golden, find_releases, read_release, sha256
from triptych.routing import ReleaseName

DIGITS_1 = ReleaseName("digits", 1)


def test_a_written_release_is_read_back(tmp_path: Path) -> None:
    folder = write_small_release(tmp_path)

    release = read_release(tmp_path, DIGITS_1)

    assert release.name == DIGITS_1
    assert (release.task, release.promotable) == ("image-classification", True)
    assert (release.max_batch_size, release.top_k) == (32, 2)
    assert release.golden[0] == Golden(
        folder / "golden" / "zero.jpg", sha256(folder / "golden" / "zero.jpg"), "0", 0.5
    )
    assert release.golden[0].file.read_bytes() == b"picture of zero"
    assert release.missing_files() == []
    assert release.changed_files() == []


def test_a_certificate_tells_people_where_a_release_comes_from(tmp_path: Path) -> None:
    verdict = replace(VERDICT, parity={"passed": False}, is_forced=True)
    write(tmp_path, replace(DRAFT, precision="int8", semver="2.0.0-rc.1"), verdict)

    certificate = read_release(tmp_path, DIGITS_1).certificate

    assert certificate == Certificate(
        created="2026-01-02T03:04:05+00:00",
        git_commit="abc123",
        is_forced=True,
        precision="int8",
        source={"framework": "torch", "seed": "7"},
        transform={
            "resize": "stretch",
            "height_pixels": 28,
            "width_pixels": 32,
            "resize_filter": "bicubic",
        },
        labels=("0", "1", "2"),
        parity={"passed": False},
        metrics={"accuracy": 0.99},
        semver="2.0.0-rc.1",
    )


def test_what_older_certificates_do_not_tell_has_a_default(tmp_path: Path) -> None:
    file = write_small_release(tmp_path) / "release.json"
    body = json.loads(file.read_text())
    for field in ("forced", "precision", "parity"):
        del body[field]
    file.write_text(json.dumps(body))

    certificate = read_release(tmp_path, DIGITS_1).certificate

    assert certificate.semver is None
    assert (certificate.is_forced, certificate.precision, certificate.parity) == (
        False,
        "fp32",
        None,
    )


def test_the_ensemble_is_the_last_model_so_that_it_never_stands_without_its_steps(
    tmp_path: Path,
) -> None:
    write_small_release(tmp_path)

    models = read_release(tmp_path, DIGITS_1).models()

    assert models[-1] == "digits_r1"
    assert set(models) == {folder.name for folder in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "lost",
    [
        "digits_r1_model/1/model.onnx",
        "digits_r1_postprocess/labels.txt",
        "digits_r1_preprocess/config.pbtxt",
        "digits_r1/golden/one.jpg",
    ],
)
def test_an_artefact_that_is_gone_is_named(tmp_path: Path, lost: str) -> None:
    write_small_release(tmp_path)
    (tmp_path / lost).unlink()

    release = read_release(tmp_path, DIGITS_1)
    assert release.missing_files() == [lost]
    assert release.changed_files() == []


def test_files_that_nobody_released_are_named_but_not_the_keepers_of_folders(
    tmp_path: Path,
) -> None:
    folder = write_small_release(tmp_path)
    assert read_release(tmp_path, DIGITS_1).unknown_files() == []
    (folder / "golden" / "note.txt").touch()
    (tmp_path / "digits_r1_model" / "2").mkdir()
    (tmp_path / "digits_r1_model" / "2" / "model.onnx").write_bytes(b"newer")

    unknown = read_release(tmp_path, DIGITS_1).unknown_files()

    assert unknown == ["digits_r1_model/2/model.onnx", "digits_r1/golden/note.txt"]


def test_the_hash_of_the_model_is_that_of_the_file_that_its_engine_looks_for(
    tmp_path: Path,
) -> None:
    write_small_release(tmp_path)
    release = read_release(tmp_path, DIGITS_1)
    assert release.model_sha256() == sha256(tmp_path / "digits_r1_model" / "1" / "model.onnx")

    folder = "digits_r1_model/1"
    files = {f"{folder}/model.onnx.data": "a", f"{folder}/model.plan": "b", "x/1/model.onnx": "c"}
    assert replace(release, artifacts=files).model_sha256() == "b"
    assert replace(release, artifacts={}).model_sha256() == ""


def test_the_size_is_that_of_all_artefacts_that_are_there(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    release = read_release(tmp_path, DIGITS_1)
    before = release.size_bytes()
    (tmp_path / "digits_r1_model" / "1" / "model.onnx").unlink()

    assert before - release.size_bytes() == len(b"not really ONNX")


def test_an_artefact_that_was_edited_is_named(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    (tmp_path / "digits_r1_postprocess" / "labels.txt").write_text("0\n2\n1\n")

    release = read_release(tmp_path, DIGITS_1)

    assert release.missing_files() == []
    assert release.changed_files() == ["digits_r1_postprocess/labels.txt"]


def test_a_golden_input_that_was_edited_is_named(tmp_path: Path) -> None:
    folder = write_small_release(tmp_path)
    (folder / "golden" / "zero.jpg").write_bytes(b"another picture")

    release = read_release(tmp_path, DIGITS_1)

    assert release.changed_files() == ["digits_r1/golden/zero.jpg"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '"release"', "{}", "\x00", '{"task": "x"}']
)
def test_a_certificate_that_cannot_be_understood_breaks_the_release(
    tmp_path: Path, content: str
) -> None:
    folder = write_small_release(tmp_path)
    (folder / "release.json").write_text(content)

    with pytest.raises(ReleaseBroken, match=r"^digits_r1: release\.json cannot be read"):
        read_release(tmp_path, DIGITS_1)


def test_a_certificate_that_is_not_text_or_not_there_breaks_the_release(tmp_path: Path) -> None:
    certificate = write_small_release(tmp_path) / "release.json"

    certificate.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReleaseBroken, match="cannot be read"):
        read_release(tmp_path, DIGITS_1)
    certificate.unlink()
    with pytest.raises(ReleaseBroken, match="FileNotFoundError"):
        read_release(tmp_path, DIGITS_1)


SPOILED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no golden inputs": lambda body: body.pop("golden"),
    "an empty list of golden inputs": lambda body: body.update(golden=[]),
    "a golden input without score": lambda body: body["golden"][0].pop("score"),
    "a score that is no number": lambda body: body["golden"][0].update(score="high"),
    "artefacts that are no table": lambda body: body.update(artifacts="all"),
    "a transform that is no table": lambda body: body.update(transform="all"),
    "a parity report that is no table": lambda body: body.update(parity=1),
    "no batch size": lambda body: body.pop("max_batch_size"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_certificate_that_lacks_what_serving_needs_breaks_the_release(
    tmp_path: Path, name: str
) -> None:
    certificate = write_small_release(tmp_path) / "release.json"
    body = json.loads(certificate.read_text())
    SPOILED[name](body)
    certificate.write_text(json.dumps(body))

    with pytest.raises(ReleaseBroken):
        read_release(tmp_path, DIGITS_1)


def test_only_folders_with_a_release_name_and_a_certificate_are_releases(tmp_path: Path) -> None:
    write_small_release(tmp_path, number=2)
    write_small_release(tmp_path, "cats", 7)
    (tmp_path / "digits_r3").mkdir()
    (tmp_path / "Digits_r1").mkdir()
    (tmp_path / "Digits_r1" / "release.json").touch()
    (tmp_path / "digits_r4").touch()

    assert list(find_releases(tmp_path)) == [ReleaseName("cats", 7), ReleaseName("digits", 2)]
