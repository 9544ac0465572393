"""The `triptych` command against a running stack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.local_stack import LocalStack
from tests import pictures


def run(stack: LocalStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "triptych", *arguments, "--state-dir", str(stack.state_dir)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("way", [[], ["--direct"]], ids=["gateway", "direct"])
def test_predict_answers_each_file_in_order(stack: LocalStack, way: list[str]) -> None:
    files = pictures.sample_files()
    done = run(stack, "predict", *map(str, files), "--json", *way)
    answers = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [answer["file"] for answer in answers] == [str(file) for file in files]
    assert [answer["label"] for answer in answers] == [pictures.true_digit(file) for file in files]


@pytest.mark.parametrize("way", [[], ["--direct"]], ids=["gateway", "direct"])
def test_predict_says_what_is_wrong_with_a_file_and_exits_with_1(
    stack: LocalStack, tmp_path: Path, way: list[str]
) -> None:
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(pictures.seven_jpeg())
    bad.write_text("no picture")
    done = run(stack, "predict", str(good), str(bad), *way)
    assert done.returncode == 1
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{good}: 7 ")
    assert second.startswith(f"{bad}: ")
    assert "Traceback" not in done.stderr


def test_status_tells_programs_and_people_that_all_is_ready(stack: LocalStack) -> None:
    for_programs, for_people = run(stack, "status", "--json"), run(stack, "status")
    found = json.loads(for_programs.stdout)
    assert for_programs.returncode == for_people.returncode == 0
    assert found["ready"] is True
    assert {part["name"] for part in found["parts"]} == {"triton", "gateway", "worker"}
    assert found["releases"]["digits_r1"]["state"] == "ready"
    assert "digits_r1" in for_people.stdout


def test_a_key_works_until_it_is_revoked(stack: LocalStack) -> None:
    made = run(stack, "keys", "create", "for a test").stdout
    key_id, key = made.split()[1], made.split()[-1]
    assert f"{key_id}  for a test" in run(stack, "keys", "list").stdout
    assert predict_status(stack, key) == "200"
    assert run(stack, "keys", "revoke", key_id).returncode == 0
    assert predict_status(stack, key) == "401"
    again = run(stack, "keys", "revoke", key_id)
    assert again.returncode == 1
    assert again.stderr.startswith("Error: there is no live key")


def test_a_key_is_limited_changed_and_rotated(stack: LocalStack) -> None:
    options = ("--allow", "digits", "--bytes-per-minute", "1", "--expires-in", "1d")
    made = run(stack, "keys", "create", "narrow", *options).stdout
    key_id, key = made.split()[1], made.split()[-1]
    assert "only digits, 1 bytes/min" in run(stack, "keys", "list").stdout
    assert predict_status(stack, key) == "429"
    assert run(stack, "keys", "change", key_id, "--no-limit", "bytes-per-minute").returncode == 0
    assert predict_status(stack, key) == "200"
    rotated = run(stack, "keys", "rotate", key_id).stdout.split()[-1]
    assert (predict_status(stack, key), predict_status(stack, rotated)) == ("401", "200")
    assert run(stack, "keys", "change", key_id, "--allow", "topics").returncode == 0
    assert predict_status(stack, rotated) == "403"
    _, first, *_ = run(stack, "keys", "list").stdout.splitlines()  # behind the line of names
    admin_id = first.split()[0]
    refused = run(stack, "keys", "revoke", admin_id)
    assert "last_admin_key" in refused.stderr
    assert run(stack, "keys", "rotate", admin_id).returncode == 0
    assert run(stack, "keys", "revoke", key_id).returncode == 0  # with the new admin.key


def predict_status(stack: LocalStack, key: str) -> str:
    """The README's curl."""
    sample = pictures.sample_files()[0]
    done = subprocess.run(
        [
            *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*"),
            *("-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/octet-stream"),
            *("--data-binary", f"@{sample}", f"{stack.gateway_url}/v1/predict/digits"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_a_second_up_on_the_same_state_folder_is_refused(stack: LocalStack) -> None:
    done = run(stack, "up", "--no-ui")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: A stack already runs in")
