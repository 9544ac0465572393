"""`triptych releases` against a stack that runs, with releases that came after its start."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from benchmarks.local_stack import LocalStack, local_stack
from tests import pictures
from triptych.export.preprocess_steps import read_step
from triptych.export.release_writer import (
    Draft,
    EngineVerdict,
    GoldenInput,
    Verdict,
    staged_release,
)
from triptych.release import read_release
from triptych.routing import ReleaseName

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Growing:
    """A running stack and the repository of its own that it was started on."""

    stack: LocalStack
    repository: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        where = ["--state-dir", str(self.stack.state_dir)]
        return run_releases(*arguments, *where)

    def ask(self, alias: str) -> httpx.Response:
        return httpx.post(
            f"{self.stack.gateway_url}/v1/predict/{alias}",
            content=pictures.seven_jpeg(),
            headers={"X-API-Key": self.stack.admin_key, "Content-Type": "image/jpeg"},
            trust_env=False,
            timeout=20,
        )

    def answers(self, alias: str) -> str:
        answer = self.ask(alias)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["predictions"][0]["label"])

    def served(self) -> set[str]:
        return set(httpx.get(f"{self.stack.triton['supervisor']}/releases", trust_env=False).json())


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growing]:
    folder = tmp_path_factory.mktemp("growing")
    repository = folder / "models"
    copy_digits(repository)
    for number in (1, 2, 3, 4):
        write_like_digits(repository, "old", number)
    with local_stack(folder / "state", repository, "--no-ui") as stack:
        yield Growing(stack, repository)


def copy_digits(repository: Path) -> None:
    repository.mkdir()
    for model in read_release(PROJECT / "model_repository", ReleaseName("digits", 1)).models():
        shutil.copytree(PROJECT / "model_repository" / model, repository / model)


def run_releases(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "triptych", "releases", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def write_like_digits(
    repository: Path,
    name: str,
    number: int = 1,
    *,
    onnx: bytes = b"",
    first_label: str = "",
    engines: tuple[str, ...] = (),
) -> None:
    """Write digits_r1 again under another name, perhaps with another network or golden answer."""
    digits = read_release(repository, ReleaseName("digits", 1))
    certificate = json.loads((repository / "digits_r1" / "release.json").read_text())
    draft = Draft(
        name=name,
        number=number,
        onnx_model=onnx or (repository / "digits_r1_model" / "1" / "model.onnx").read_bytes(),
        labels=digits.certificate.labels,
        preprocess=read_step(certificate, {}),
        top_k=digits.top_k,
        max_batch_size=digits.max_batch_size,
        source={"framework": "none", "script": "a copy of digits_r1"},
        engines=engines,
    )
    golden = [
        GoldenInput(it.file.name, it.file.read_bytes(), it.label, it.score) for it in digits.golden
    ]
    golden[0] = replace(golden[0], label=first_label or golden[0].label)
    with staged_release(repository, draft) as staged:
        answers = tuple((it.label, it.score) for it in golden)
        tried = {engine: EngineVerdict(True, {}, answers) for engine in engines}
        verdict = Verdict(tuple(golden), engines=tried)
        staged.publish(verdict, git_commit="", created=datetime(2026, 1, 2, tzinfo=UTC))


def test_a_release_that_came_after_the_start_is_loaded_and_answers_at_once(
    growing: Growing,
) -> None:
    write_like_digits(growing.repository, "more")
    assert growing.ask("more").status_code == 404

    done = growing.run("load", "more_r1")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "It answers on /v1/predict/more"
    assert growing.answers("more") == growing.answers("digits") == "7"
    write_like_digits(growing.repository, "more", 2)
    later = growing.run("load", "more_r2")
    assert later.stdout.splitlines()[-1] == "No traffic moved: more still means more_r1."
    assert growing.ask("more").json()["release"] == "more_r1"
    assert {"digits_r1", "more_r1", "more_r2"} <= growing.served()


def test_a_release_that_is_broken_is_refused_with_a_sentence_and_digits_goes_on(
    growing: Growing,
) -> None:
    write_like_digits(growing.repository, "garbage", onnx=b"this is no ONNX file")
    write_like_digits(growing.repository, "wrong", first_label="9")
    write_like_digits(growing.repository, "edited")
    (growing.repository / "edited_r1_postprocess" / "labels.txt").write_text("zero\n")

    refusals = {
        "garbage_r1": "triton-0: Triton cannot load garbage_r1: ",
        "wrong_r1": "triton-0: wrong_r1 is not served, because four-portrait.jpg got '4' with ",
        "edited_r1": "triton-0: edited_r1 was edited: ",
        "absent_r1": "triton-0: There is no release absent_r1 in ",
    }
    for release, sentence in refusals.items():
        done = growing.run("load", release)
        assert done.returncode == 1
        assert done.stderr.startswith(f"Error: {sentence}")
        assert len(done.stderr.splitlines()) == 1
        assert growing.answers("digits") == "7"
        assert release not in growing.served()
        shutil.rmtree(growing.repository / release, ignore_errors=True)
    ready = httpx.get(f"{growing.stack.gateway_url}/readyz", trust_env=False)
    assert ready.status_code == 200


def test_what_the_stack_has_loaded_is_not_pruned_and_the_rest_that_is_old_is(
    growing: Growing,
) -> None:
    assert growing.run("load", "old_r2").returncode == 0
    repository = ["--model-repository", str(growing.repository)]

    dry = growing.run("prune", "--dry-run", *repository)
    done = growing.run("prune", "--yes", *repository)

    assert dry.returncode == done.returncode == 0, done.stderr
    assert "old_r3" in dry.stdout
    there = {name for name in ("old_r1", "old_r2", "old_r3", "old_r4") if on_disk(growing, name)}
    assert there == {"old_r1", "old_r2", "old_r4"}
    assert list(growing.repository.glob("old_r3*")) == []
    # The serving view has links that lead nowhere now, and Triton has to bear them.
    assert growing.run("load", "old_r4").returncode == 0
    assert growing.answers("digits") == growing.answers("old") == "7"


def on_disk(growing: Growing, release: str) -> bool:
    return (growing.repository / release / "release.json").is_file()


@pytest.mark.long
def test_verifying_replays_each_release_through_a_triton_of_its_own(tmp_path: Path) -> None:
    repository = tmp_path / "models"
    copy_digits(repository)
    where = ["--model-repository", str(repository)]
    good = run_releases("verify", *where)
    write_like_digits(repository, "garbage", onnx=b"this is no ONNX file")
    write_like_digits(repository, "wrong", first_label="9")

    bad = run_releases("verify", *where)

    right = "digits_r1: 6 artefacts and 12 golden inputs are as released; 12 of 12 golden answers"
    assert (good.returncode, good.stdout) == (0, f"{right}\n"), good.stderr
    assert bad.returncode == 1
    digits, garbage, wrong = bad.stdout.splitlines()
    assert digits == right
    assert garbage.startswith("garbage_r1: Triton cannot load garbage_r1: ")
    assert wrong.startswith("wrong_r1: four-portrait.jpg got '4' with ")
