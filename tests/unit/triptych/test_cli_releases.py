"""triptych releases list, show, verify and diff, on a repository of small releases."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backends.shared.image_transform import ImageTransform
from tests.fakes.fake_triton import ranked, running_triton
from tests.unit.triptych.command_line import Ended, assert_one_sentence, run_triptych
from tests.unit.triptych.small_release import DRAFT, VERDICT, write, write_small_release
from triptych.client.triton import TritonConnection
from triptych.export.preprocess_steps import ImageStep, TextStep
from triptych.release import read_release
from triptych.releases.verification import Replayed, replay
from triptych.routing import ReleaseName

PARITY = {
    "passed": True,
    "inputs": 80,
    "top_1_agreement": 0.9875,
    "scores": {"largest": 0.0004, "mean": 0.00001},
    "failures": [],
}
Releases = Callable[..., Ended]


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Releases:
    """Run `triptych releases ...` on the repository tmp_path/models."""

    def run(*arguments: object) -> Ended:
        where = ("--model-repository", tmp_path / "models")
        return run_triptych(monkeypatch, "releases", *arguments, *where)

    return run


def test_a_list_tells_what_each_release_is_and_where_its_name_leads(
    tmp_path: Path, releases: Releases
) -> None:
    write_small_release(tmp_path / "models", number=1, verdict=replace(VERDICT, promotable=False))
    write_small_release(tmp_path / "models", number=2)
    write_small_release(tmp_path / "models", number=10, verdict=replace(VERDICT, is_forced=True))

    ended, as_data = releases("list"), releases("list", "--json")

    assert ended.exit_code == 0
    head, *rows = ended.output.splitlines()
    assert head.split() == ["RELEASE", "TASK", "PRECISION", "CLASSES", "SIZE", "CREATED", "STATE"]
    common = "image-classification  fp32       3        0.0 MB  2026-01-02 03:04"
    assert rows == [
        f"digits_r1   {common}  not promotable",
        f"digits_r2   {common}  routed, promotable",
        f"digits_r10  {common}  promotable (forced)",
    ]
    found = json.loads(as_data.output)
    assert [item["routed"] for item in found] == [False, True, False]
    assert [item["forced"] for item in found] == [False, False, True]
    assert found[1]["size_bytes"] > len(DRAFT.onnx_model)
    assert found[1]["semver"] is None
    assert found[1]["created"] == "2026-01-02T03:04:05+00:00"


def test_a_release_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, releases: Releases
) -> None:
    write_small_release(tmp_path / "models")
    (write_small_release(tmp_path / "models", "cats") / "release.json").write_text("{")

    ended, as_data = releases("list"), releases("list", "--json")
    shown, verified = releases("show", "cats_r1"), releases("verify", "--no-replay")

    assert "digits_r1  image-classification" in ended.output
    assert ended.output.splitlines()[-1].startswith("cats_r1: release.json cannot be read")
    assert set(json.loads(as_data.output)[-1]) == {"name", "broken"}
    assert_one_sentence(shown, "cats_r1: release.json cannot be read")
    assert verified.exit_code == 1
    assert verified.output.splitlines()[-1].startswith("cats_r1: release.json cannot be read")


@pytest.mark.parametrize("command", [("list",), ("show", "digits_r1"), ("verify", "--no-replay")])
def test_a_repository_that_is_not_there_is_one_sentence(
    releases: Releases, command: tuple[str, ...]
) -> None:
    assert_one_sentence(releases(*command), "There is no model repository at")


def test_a_release_that_is_not_there_is_one_sentence_with_those_that_are(
    tmp_path: Path, releases: Releases
) -> None:
    write_small_release(tmp_path / "models")

    for command in (("show", "cats_r1"), ("verify", "cats_r1"), ("diff", "digits_r1", "cats_r1")):
        assert_one_sentence(releases(*command), "There is no release 'cats_r1'", ": digits_r1.")


def test_showing_a_release_tells_where_it_comes_from_and_how_well_it_does(
    tmp_path: Path, releases: Releases
) -> None:
    metrics = {"held_out": {"accuracy": 0.98765, "images": 3}, "seconds": 4.0, "accuracy": 1}
    draft = replace(DRAFT, labels=tuple("abcdefghij"), metrics=metrics, semver="1.4.0")
    write(tmp_path / "models", draft, replace(VERDICT, parity=PARITY))

    ended, as_data = releases("show", "digits_r1"), releases("show", "digits_r1", "--json")

    transform = "resize stretch, height_pixels 28, width_pixels 32, resize_filter bicubic"
    assert [line.split(maxsplit=1)[1] for line in ended.output.splitlines()] == [
        "digits_r1, routed, promotable",
        "image-classification, fp32",
        "1.4.0",
        "2026-01-02 03:04, commit abc123",
        "0.0 MB",
        "framework torch, seed 7",
        transform,
        "10: a, b, c, d, e, f, g, h, ...",
        "2 labels per item",
        "32 items at most",
        "2 inputs",
        "passed; 98.75% of 80 golden inputs agree, scores differ by 0.0004 at most",
        "held_out 0.9877",
        "accuracy 1.0000",
    ]
    described = json.loads(as_data.output)
    assert described["parity"] == PARITY
    assert described["semver"] == "1.4.0"
    assert described["accuracy"] == {"held_out": 0.98765, "accuracy": 1.0}


@pytest.mark.parametrize(
    ("parity", "words"),
    [
        (None, "no report: this release went through no gate"),
        (
            PARITY | {"passed": False, "failures": ["a score differs"]},
            "NOT passed (a score differs)",
        ),
        ({"passed": "perhaps"}, "there is a report, which this version does not know"),
    ],
)
def test_showing_a_release_tells_of_its_parity_gate(
    tmp_path: Path, releases: Releases, parity: dict[str, object] | None, words: str
) -> None:
    write(tmp_path / "models", DRAFT, replace(VERDICT, parity=parity))

    assert words in releases("show", "digits_r1").output


def test_releases_whose_files_are_as_released_are_verified(
    tmp_path: Path, releases: Releases
) -> None:
    write_small_release(tmp_path / "models")
    write_small_release(tmp_path / "models", "cats")

    every, one = releases("verify", "--no-replay"), releases("verify", "--no-replay", "digits_r1")

    line = "6 artefacts and 2 golden inputs are as released\n"
    assert (every.exit_code, one.exit_code) == (0, 0)
    assert every.output == f"cats_r1: {line}digits_r1: {line}"
    assert one.output == f"digits_r1: {line}"


def test_every_file_that_is_lost_edited_or_of_unknown_origin_is_named(
    tmp_path: Path, releases: Releases
) -> None:
    folder = write_small_release(tmp_path / "models")
    write_small_release(tmp_path / "models", "cats")
    (tmp_path / "models" / "digits_r1_model" / "1" / "model.onnx").unlink()
    (folder / "golden" / "zero.jpg").write_bytes(b"another")
    (folder / "notes.txt").touch()

    ended = releases("verify", "--no-replay")

    assert ended.exit_code == 1
    assert ended.output.splitlines()[1:] == [
        "digits_r1: digits_r1_model/1/model.onnx is missing",
        "digits_r1: digits_r1/golden/zero.jpg is not what release.json hashed",
        "digits_r1: digits_r1/notes.txt is not named in release.json",
    ]


def test_every_golden_input_is_replayed_and_wrong_answers_are_told(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    release = read_release(tmp_path, ReleaseName("digits", 1))
    with running_triton() as triton, TritonConnection(triton.address) as connection:
        triton.answers = {b"picture of zero": ranked("0"), b"picture of one": ranked("1")}
        right = replay(connection, release)
        triton.answers[b"picture of one"] = ranked("7")
        wrong = replay(connection, release)

    assert right == Replayed(2, 2)
    assert wrong == Replayed(1, 2, ("one.jpg got '7' with 0.5000, not '1' with 0.5000",))


def test_two_releases_of_the_same_differ_in_nothing(tmp_path: Path, releases: Releases) -> None:
    write_small_release(tmp_path / "models", number=1)
    write_small_release(tmp_path / "models", number=2)

    ended, as_data = (
        releases("diff", "digits_r1", "digits_r2", *more) for more in ((), ("--json",))
    )

    assert (ended.exit_code, ended.output) == (0, "weights: same\n")
    assert json.loads(as_data.output)["changes"] == {}


def test_a_difference_names_every_field_that_changed(tmp_path: Path, releases: Releases) -> None:
    before = replace(DRAFT, metrics={"clean": {"accuracy": 0.95}, "old": {"accuracy": 0.9}})
    after = replace(
        DRAFT,
        number=2,
        onnx_model=b"other weights",
        labels=("1", "0", "3"),
        preprocess=ImageStep(ImageTransform(28, 64), max_pixels=1_000_000),
        top_k=1,
        precision="int8",
        source={"framework": "torch", "seed": "8"},
        metrics={"clean": {"accuracy": 0.9625}},
    )
    other_scores = {"scores": {"largest": 0.002, "mean": 0.00001}}
    write(tmp_path / "models", before, replace(VERDICT, parity=PARITY))
    write(tmp_path / "models", after, replace(VERDICT, parity=PARITY | other_scores))

    ended = releases("diff", "digits_r1", "digits_r2")

    assert ended.output.splitlines() == [
        "weights: changed",
        "precision: fp32 -> int8",
        "source.seed: 7 -> 8",
        "top_k: 2 -> 1",
        "transform.resize_filter: bicubic -> bilinear",
        "transform.width_pixels: 32 -> 64",
        "parity.scores.largest: 0.0004 -> 0.002",
        "accuracy.clean: 0.95 -> 0.9625 (+1.25 points)",
        "labels added: 1: 3",
        "labels removed: 1: 2",
        "labels: in another order",
    ]


def test_a_difference_tells_of_a_gate_that_only_one_went_through_and_of_another_tokenizer(
    tmp_path: Path, releases: Releases
) -> None:
    text = replace(DRAFT, name="topics", preprocess=TextStep(128, b"{}"))
    other = replace(text, number=2, preprocess=TextStep(128, b"{ }"))
    write(tmp_path / "models", text)
    write(tmp_path / "models", other, replace(VERDICT, parity=PARITY))

    ended = releases("diff", "topics_r1", "topics_r2")

    assert ended.output.splitlines() == [
        "weights: same",
        "parity: none -> passed",
        "file changed: preprocess/tokenizer.json",
    ]
