"""What the README tells a newcomer to run, run as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.local_stack import LocalStack
from tests import pictures

PROJECT = Path(__file__).resolve().parents[2]


def code_block(language: str, containing: str) -> str:
    """The first fenced block of a language that contains something."""
    text = (PROJECT / "README.md").read_text()
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return next(block for block in blocks if containing in block)


def test_the_curl_command_answers_with_the_digit_of_its_sample(stack: LocalStack) -> None:
    command = code_block("sh", "curl")
    here = command.replace("http://127.0.0.1:8080", stack.gateway_url)
    here = here.replace(".triptych/", f"{stack.state_dir}/").replace("curl ", "curl -sS ")
    done = subprocess.run(
        ["bash", "-c", here], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    (sample,) = re.findall(r"samples/(\S+)", command)
    answer = json.loads(done.stdout)
    assert answer["predictions"][0]["label"] == pictures.true_digit(Path(sample))


def test_the_python_client_prints_the_digit_of_a_sample(stack: LocalStack) -> None:
    program = code_block("python", "tritonclient").replace("127.0.0.1:8001", stack.triton["grpc"])
    sample = pictures.sample_files()[0]
    done = subprocess.run(
        [sys.executable, "-c", program, str(sample)], check=True, capture_output=True, text=True
    )
    label, score = done.stdout.split()
    assert label == pictures.true_digit(sample)
    assert 0.5 < float(score) <= 1.0
