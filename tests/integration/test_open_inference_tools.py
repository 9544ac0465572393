"""curl as docs/open-inference.md has it, and perf_analyzer, against the whole real stack."""

from __future__ import annotations

import base64
import csv
import json
import os
import re
import subprocess
from pathlib import Path
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


@pytest.mark.parametrize("tensor_format", ["binary", "json"])
@pytest.mark.parametrize(
    ("model", "spec", "item"),
    [("digits", IMAGE, pictures.seven_jpeg()), ("words", TEXT, b"It may rain")],
    ids=["image", "text"],
)
def test_perf_analyzer_measures_through_the_gateway(
    model: str,
    spec: TensorSpec,
    item: bytes,
    tensor_format: str,
    stack: LocalStack,
    tmp_path: Path,
) -> None:
    if tensor_format == "json" and spec is IMAGE:
        # It would write the JPEG's bytes as they are into a JSON string, which no parser reads.
        item = base64.b64encode(item)
    content = {"b64": base64.b64encode(encode_bytes_tensor([item])).decode()}
    data, table = tmp_path / "input.json", tmp_path / "table.csv"
    data.write_text(json.dumps({"data": [{spec.name: {"content": content, "shape": [1]}}]}))
    binary, libraries = fetch_perf_analyzer()
    done = subprocess.run(
        [
            str(binary),
            *("-m", model, "-i", "http", "-u", urlsplit(stack.gateway_url).netloc),
            *("-H", f"Authorization: Bearer {stack.admin_key}"),
            *("--input-data", str(data), "--request-count", "20", "--concurrency-range", "2"),
            *("--input-tensor-format", tensor_format, "--output-tensor-format", tensor_format),
            *("-f", str(table)),
        ],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with table.open() as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["Inferences/Second"]) > 0
    assert "Server:" in done.stdout  # it could read the statistics
