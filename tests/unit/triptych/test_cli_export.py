"""`triptych export` around the exporter: its options, its files, its words and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.triptych.command_line import Ended, run_triptych
from tests.unit.triptych.small_release import write_small_release
from triptych.cli.export import TerminalProgress
from triptych.export.semantic_version import check_semver


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: object) -> Ended:
    where = ("--name", "colours", "--model-repository", folder / "models")
    return run_triptych(monkeypatch, "export", "torch:x:y", *where, *arguments)


def assert_refused(ended: Ended, *words: str) -> None:
    (line,) = ended.errors.splitlines()
    assert line.startswith("Error: ")
    for word in words:
        assert word in line
    assert ended.exit_code == 1


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("--labels", b"gr\xfcn\n", "is not UTF-8"),
        ("--topics", b"gr\xfcn: a\n", "is not UTF-8"),
        ("--topics", b"a: one\nb: two\na: three\n", "names a topic twice"),
        ("--transform", b"size: [", "is not YAML"),
        ("--transform", b"\xff\xfe", "is not YAML"),
        ("--transform", b"- 224\n", "holds no fields"),
        ("--transform", b"", "holds no fields"),
        ("--metrics", b"{", "is not JSON"),
        ("--metrics", b"[]", "holds no JSON object"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, text: bytes, words: str
) -> None:
    file = tmp_path / "given"
    file.write_bytes(text)

    ended = run(monkeypatch, tmp_path, option, file)

    assert_refused(ended, str(file), words)
    assert ended.output == ""


def test_int8_without_typical_inputs_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = run(monkeypatch, tmp_path, "--precision", "int8")

    assert_refused(ended, "--calibration DIR")
    assert ended.output == ""


def test_a_number_that_is_taken_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_small_release(tmp_path / "models", "colours", 3)

    ended = run(monkeypatch, tmp_path, "--number", 3)

    assert_refused(ended, "colours_r3 exists", "take the next number")
    assert ended.output == ""


def test_without_a_serving_environment_nothing_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("TRIPTYCH_SERVING_PYTHON", str(tmp_path / "absent"))

    ended = run(monkeypatch, tmp_path)

    assert_refused(ended, "absent is not there", "`make setup`")
    assert ended.output == ""


def test_a_transform_is_made_of_the_fields_of_its_file_and_of_the_options(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = tmp_path / "hub"
    hub.mkdir()
    (hub / "config.json").write_text('{"architectures": ["ResNetForImageClassification"]}')
    (tmp_path / "transform.yaml").write_text("mean: 0.5\n")
    given = ("--transform", tmp_path / "transform.yaml", "--size", 224)
    where = ("--name", "colours", "--model-repository", tmp_path / "models")

    ended = run_triptych(monkeypatch, "export", hub, *where, *given)

    assert_refused(ended, "brings its own transform; leave out mean, size.")


@pytest.mark.parametrize(
    "options",
    [
        ("--precision", "fp64"),
        ("--number", "0"),
        ("--top-k", "0"),
        ("--max-tokens", "1"),
        ("--max-batch-size", "0"),
        ("--tolerance-top-1", "1.5"),
        ("--tolerance-score", "-1"),
        ("--task", "speech"),
        ("--labels", "absent.txt"),
        ("--golden", "absent"),
    ],
)
def test_a_value_that_an_option_cannot_have_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: tuple[str, str]
) -> None:
    ended = run(monkeypatch, tmp_path, *options)

    assert ended.exit_code == 2
    assert f"Invalid value for '{options[0]}'" in ended.errors


def test_a_release_needs_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run_triptych(monkeypatch, "export", "torch:x:y")

    assert ended.exit_code == 2
    assert "Missing option '--name'" in ended.errors


def test_the_help_names_every_form_of_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run_triptych(monkeypatch, "export", "--help")

    assert ended.exit_code == 0
    for form in ("hf:ORG/NAME", "torch:package", "torchscript:", "SavedModel", ".keras", ".onnx"):
        assert form in ended.output
    assert "Exit code 3" in ended.output


def test_progress_is_a_sentence_per_step_and_a_bar_over_items(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = TerminalProgress()

    progress.step("Quantising to int8")
    with progress.bar([1, 2, 3], "Preparing") as bar:
        assert list(bar) == [1, 2, 3]

    assert capsys.readouterr().out == "Quantising to int8 ...\nPreparing\n"


@pytest.mark.parametrize(
    "text",
    ["1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "1.2.\u0663", ""],
)
def test_a_version_that_is_no_semantic_version_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    ended = run(monkeypatch, tmp_path, "--semver", text)

    assert_refused(ended, "is no semantic version; one looks like 1.4.0")
    assert ended.output == ""


@pytest.mark.parametrize(
    "text", ["0.0.0", "1.2.3", "10.20.30", "2.0.0-rc.1", "1.0.0-0A.is.legal", "1.0.0-x-y+build.01"]
)
def test_a_semantic_version_is_one(text: str) -> None:
    check_semver(text)
