"""curl as docs/open-inference.md has it, and perf_analyzer, against the whole real stack."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.local_stack import LocalStack
from benchmarks.perf_analyzer_binary import fetch_perf_analyzer
from python_backends.shared.contract import IMAGE, TEXT, TensorSpec, encode_bytes_tensor
from tests import pictures

PROJECT = Path(__file__).resolve().parents[2]


def commands() -> list[str]:
    text = (PROJECT / "docs" / "open-inference.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [block for block in blocks if "curl" in block]


def run(command: str, stack: LocalStack) -> bytes:
    """Run a block of the page against this stack; `words` stands for the page's `topics`."""
    here = command.replace("http://127.0.0.1:8080", stack.gateway_url)
    here = here.replace(".triptych/", f"{stack.state_dir}/").replace("curl ", "curl -sSf ")
    here = here.replace("/topics/", "/words/")
    done = subprocess.run(["bash", "-ec", here], cwd=PROJECT, check=True, capture_output=True)
    return done.stdout


def block(containing: str) -> str:
    (found,) = (command for command in commands() if containing in command)
    return found


def test_curl_with_base64_in_json(stack: LocalStack) -> None:
    label, *_ = json.loads(run(block("base64"), stack))["outputs"]
    assert (label["name"], label["shape"], label["data"][0]) == ("LABEL", [1, 10], "7")


def test_curl_with_a_literal_text_in_json(stack: LocalStack) -> None:
    label, *_ = json.loads(run(block('"TEXT"'), stack))["outputs"]
    assert label["data"][0] == "weather"


def test_curl_with_bare_bytes(stack: LocalStack) -> None:
    answer = run(block("Inference-Header-Content-Length: 0"), stack)
    head, _ = json.JSONDecoder().raw_decode(answer.decode("latin-1"))
    tail = answer[-sum(output["parameters"]["binary_data_size"] for output in head["outputs"]) :]
    assert tail.startswith(b"\x01\0\0\x007")


def test_curl_asks_what_there_is(stack: LocalStack) -> None:
    assert b'"name":"digits"' in run(block("v2/models/digits/config"), stack)


def test_the_page_has_no_command_that_is_not_run_here() -> None:
    assert len(commands()) == 4


def test_the_python_program_prints_the_digit(stack: LocalStack) -> None:
    text = (PROJECT / "docs" / "open-inference.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    here = program.replace("127.0.0.1:8080", urlsplit(stack.gateway_url).netloc)
    here = here.replace(".triptych/", f"{stack.state_dir}/")
    here = here.replace("seven.jpg", "examples/digits/samples/seven-blue-paper.jpg")
    done = subprocess.run(
        [sys.executable, "-c", here], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() in {"7", "b'7'"}


def analyze(stack: LocalStack, folder: Path, model: str, tensor: dict[str, Any], form: str) -> str:
    """Let perf_analyzer measure; gives what it printed."""
    data = folder / "input.json"
    data.write_text(json.dumps({"data": [tensor]}))
    binary, libraries = fetch_perf_analyzer()
    done = subprocess.run(
        [
            str(binary),
            *("-m", model, "-i", "http", "-u", urlsplit(stack.gateway_url).netloc),
            *("-H", f"Authorization: Bearer {stack.admin_key}"),
            *("--input-data", str(data), "--request-count", "20", "--concurrency-range", "2"),
            *("--input-tensor-format", form, "--output-tensor-format", form),
        ],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("form", ["binary", "json"])
@pytest.mark.parametrize(
    ("model", "spec"), [("digits", IMAGE), ("words", TEXT)], ids=["image", "text"]
)
def test_perf_analyzer_measures_through_the_gateway(
    model: str, spec: TensorSpec, form: str, stack: LocalStack, tmp_path: Path
) -> None:
    item = pictures.seven_jpeg() if spec is IMAGE else b"It may rain"
    if form == "json" and spec is IMAGE:
        # It puts the element into a JSON string as it is, and a JPEG is none.
        item = base64.b64encode(item)
    content = {"b64": base64.b64encode(encode_bytes_tensor([item])).decode()}
    tensor = {spec.name: {"content": content, "shape": [1]}}

    printed = analyze(stack, tmp_path, model, tensor, form)

    (throughput,) = re.findall(r"Throughput: ([\d.]+) infer/sec", printed)
    assert float(throughput) > 0
    (counted,) = re.findall(r"Server: \n +Inference count: (\d+)", printed)
    assert int(counted) >= 20
