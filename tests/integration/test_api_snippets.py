"""What the API page offers to copy, run as it stands there."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.local_stack import LocalStack
from python_backends.shared.contract import encode_bytes_tensor
from tests import pictures
from ui import api_snippets
from ui.session import LastRequest

SAMPLE = pictures.sample_files()[0]
AWKWARD_NAME = 'it\'s "my" $picture.jpg'
WORDS = LastRequest("words", 1, texts=('Heavy rain and "wind" tonight, it\'s wet',))

Write = Callable[[LastRequest, str], str]


@pytest.fixture
def picture(tmp_path: Path) -> LastRequest:
    """A picture under a name that a careless shell line would trip over."""
    shutil.copy(SAMPLE, tmp_path / AWKWARD_NAME)
    return LastRequest("digits", 3, AWKWARD_NAME, "image/jpeg")


def run(stack: LocalStack, folder: Path, *command: str) -> str:
    known = {"TRIPTYCH_API_KEY": stack.admin_key, "TRITON_GRPC": stack.triton["grpc"]}
    environment = {**os.environ, **known}
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_the_curl_command_is_answered(
    stack: LocalStack, tmp_path: Path, picture: LastRequest
) -> None:
    command = api_snippets.to_curl(picture, stack.gateway_url)
    answer = json.loads(run(stack, tmp_path, "bash", "-c", command))
    assert answer["predictions"][0]["label"] == pictures.true_digit(SAMPLE)
    assert len(answer["predictions"]) == 3

    command = api_snippets.to_curl(WORDS, stack.gateway_url)
    answer = json.loads(run(stack, tmp_path, "bash", "-c", command))
    assert answer["predictions"][0]["label"] == "weather"


@pytest.mark.parametrize("write", [api_snippets.to_rest_program, api_snippets.to_grpc_program])
def test_the_programs_are_answered(
    stack: LocalStack, tmp_path: Path, picture: LastRequest, write: Write
) -> None:
    program = write(picture, stack.gateway_url)
    said = run(stack, tmp_path, sys.executable, "-c", program)
    assert pictures.true_digit(SAMPLE) in said
    assert "digits_r1" in said

    said = run(stack, tmp_path, sys.executable, "-c", write(WORDS, stack.gateway_url))
    assert "weather" in said


def test_the_input_of_perf_analyzer_is_the_picture_with_its_length(
    stack: LocalStack, tmp_path: Path, picture: LastRequest
) -> None:
    written = api_snippets.to_perf_analyzer(picture, stack.gateway_url)
    run(stack, tmp_path, "bash", "-c", written.split("perf_analyzer -m")[0])

    [row] = json.loads((tmp_path / api_snippets.INPUT_FILE).read_text())["data"]
    assert row["IMAGE"]["shape"] == [1]
    packed = encode_bytes_tensor([SAMPLE.read_bytes()])
    assert base64.b64decode(row["IMAGE"]["content"]["b64"]) == packed
