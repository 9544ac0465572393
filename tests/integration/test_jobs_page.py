"""What docs/jobs.md tells people to run, run as it stands there, against a real stack."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.local_stack import LocalStack, local_stack
from tests import pictures
from tests.integration.test_releases_command import copy_digits
from tests.word_votes import write_word_votes
from triptych.client import Client, JobPrediction, JobRefusal, JobState

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs/jobs.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
SET_UP, *OTHERS = COMMANDS
SAMPLES = len(pictures.sample_files())
DEADLINE_SECONDS = 120


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("jobs")
    repository = folder / "models"
    copy_digits(repository)
    write_word_votes(repository, "topics")
    shutil.copytree(PROJECT / "examples/digits/samples", folder / "photos/2026")
    sources = {"photos": (folder / "photos").as_uri()}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GATEWAY_JOB_SOURCES", json.dumps(sources))
        with local_stack(folder / "state", repository, "--no-ui") as made:
            yield made


@pytest.fixture
def client(stack: LocalStack) -> Iterator[Client]:
    with Client(stack.gateway_url, stack.admin_key) as made:
        yield made


def run(stack: LocalStack, command: str, job: str, folder: Path) -> str:
    """Run it in a folder that has the samples, so that what it writes lies nowhere else."""
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(PROJECT / "examples")
    here = f"export TRIPTYCH_STATE_DIR={stack.state_dir}\n{SET_UP}set -euo pipefail\n{command}"
    here = here.replace("$PWD/.venv", f"{PROJECT}/.venv").replace(
        ".triptych/", f"{stack.state_dir}/"
    )
    here = here.replace("http://127.0.0.1:8080", stack.gateway_url)
    here = re.sub(r"\bJOB\b", job, here).replace("curl ", "curl --fail --max-time 60 ")
    done = subprocess.run(
        ["bash", "-c", here],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_of_the_page_runs(stack: LocalStack, client: Client, tmp_path: Path) -> None:
    job = client.wait(client.submit("digits", folder=PROJECT / "examples/digits/samples"), 60)

    said = {command: run(stack, command, job.id, tmp_path) for command in OTHERS}

    made = [text for command, text in said.items() if '"$URL/v1/jobs?alias' in command]
    ended = [client.wait(json.loads(text)["id"], 60) for text in made]
    assert [(it.state, it.items) for it in ended] == [
        (JobState.SUCCEEDED, items) for items in (2, SAMPLES, 2, SAMPLES)
    ]
    with (tmp_path / "results.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == SAMPLES
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == SAMPLES


def test_a_folder_is_answered_with_the_digits_of_its_samples(client: Client) -> None:
    files = pictures.sample_files()
    given = [(file.name, file) for file in files]
    job = client.submit("digits", files=[*given, ("broken.png", b"no image")], top_k=2)

    results = sorted(client.stream(job), key=lambda result: result.index)

    assert [it.name for it in results] == [*(file.name for file in files), "broken.png"]
    *answered, broken = results
    for file, result in zip(files, answered, strict=True):
        assert isinstance(result, JobPrediction)
        assert (result.label, len(result.labels)) == (pictures.true_digit(file), 2)
    assert isinstance(broken, JobRefusal)
    assert broken.code == "undecodable_image"
    assert list(client.results(job)) == results
    assert client.job(job).refused == 1


def test_one_key_is_one_job(client: Client) -> None:
    texts: list[str | tuple[str, str]] = ["It may rain", ("7", "The team scored")]

    one = client.submit("topics", texts=texts, idempotency_key="the-same")
    other = client.submit("topics", texts=texts, idempotency_key="the-same")

    assert one.id == other.id
    assert client.wait(one, 60).items == 2


def kill_gateway(stack: LocalStack) -> None:
    """With its workers, which would go on for a moment."""
    told = json.loads((stack.state_dir / "stack.json").read_text())
    gateway = psutil.Process(told["gateway"]["pid"])
    for process in [gateway, *gateway.children(recursive=True)]:
        process.kill()


def test_a_stream_goes_on_over_a_gateway_that_is_killed(stack: LocalStack, client: Client) -> None:
    files = [(f"{n}-{file.name}", file) for n in range(100) for file in pictures.sample_files()]
    job = client.submit("digits", files=files)

    seen = []
    for result in client.stream(job):
        seen.append(result.index)
        if len(seen) == 300:
            kill_gateway(stack)

    assert sorted(seen) == list(range(len(files)))
    assert client.wait(job, 60).state is JobState.SUCCEEDED
