"""Commands and programs: what names hold does not break them, and no key is in them."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ui import api_snippets
from ui.session import LastRequest

URL = "http://gateway:8080"
PICTURE = LastRequest("digits", 3, "seven.jpg", "image/jpeg")
TEXT = LastRequest("words", 2, texts=('It\'s "rain"\n$HOME',))
TEXTS = LastRequest("words", 2, texts=("one", "둘"))
NAMES = ["a b.jpg", "it's.jpg", 'a"b.jpg', "-", "$HOME`id`.jpg", "\u202egpj.exe", "a\nb.jpg", "\\'"]

Writer = Callable[[LastRequest, str], str]


def test_the_curl_command_sends_the_file_as_it_is() -> None:
    assert api_snippets.to_curl(PICTURE, URL) == (
        "curl -sS --fail-with-body \\\n"
        '  -H "Authorization: Bearer $TRIPTYCH_API_KEY" \\\n'
        "  -H 'Content-Type: image/jpeg' \\\n"
        "  --data-binary @./seven.jpg \\\n"
        "  'http://gateway:8080/v1/predict/digits?top_k=3'"
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_file_name_breaks_the_shell_line(name: str) -> None:
    command = api_snippets.to_curl(LastRequest("digits", 1, name, "image/png"), URL)
    shown = command.replace("curl -sS --fail-with-body", "printf '%s\\0'")

    said = subprocess.run(["bash", "-c", shown], check=True, capture_output=True).stdout

    assert said.decode().split("\0")[5] == f"@./{name}"
    assert "\u202e" not in command


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("write", [api_snippets.to_rest_program, api_snippets.to_grpc_program])
def test_no_file_name_breaks_a_program(write: Writer, name: str) -> None:
    program = write(LastRequest("digits", 1, name, "image/png"), URL)

    held = {it.value for it in ast.walk(ast.parse(program)) if isinstance(it, ast.Constant)}
    assert name in held
    assert "\u202e" not in program


@pytest.mark.parametrize("request_made", [PICTURE, TEXT, TEXTS])
def test_programs_are_python_and_hold_the_alias(request_made: LastRequest) -> None:
    for write in (api_snippets.to_rest_program, api_snippets.to_grpc_program):
        program = write(request_made, URL)
        ast.parse(program)
        assert request_made.alias in program
        assert "TRIPTYCH_API_KEY" in program


def test_one_text_and_several_travel_as_the_gateway_wants_them() -> None:
    one = shlex.split(api_snippets.to_curl(TEXT, URL).replace("\\\n", " "))
    several = shlex.split(api_snippets.to_curl(TEXTS, URL).replace("\\\n", " "))

    assert json.loads(one[one.index("--data-binary") + 1]) == {"text": TEXT.texts[0]}
    assert json.loads(several[several.index("--data-binary") + 1]) == {"texts": ["one", "둘"]}
    assert "Content-Type: application/json" in one


@pytest.mark.parametrize("request_made", [LastRequest("digits", 3, "it's a 7.jpg"), TEXTS])
def test_perf_analyzer_gets_a_file_that_says_what_is_sent(
    request_made: LastRequest, tmp_path: Path
) -> None:
    (tmp_path / "it's a 7.jpg").write_bytes(b"a seven")
    written = api_snippets.to_perf_analyzer(request_made, URL)
    program = written.split("<<'END'\n")[1].split("\nEND\n")[0]

    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)

    rows = json.loads((tmp_path / "perf_input.json").read_text())["data"]
    if request_made is TEXTS:
        assert rows[0]["TEXT"]["content"]["b64"] == "AwAAAG9uZQ=="
        assert len(rows) == 2
    else:
        assert rows[0]["IMAGE"] == {"content": {"b64": "BwAAAGEgc2V2ZW4="}, "shape": [1]}
    assert f"perf_analyzer -m {request_made.alias} -i http -u gateway:8080" in written


def test_an_alias_with_odd_signs_stays_one_part_of_the_path() -> None:
    request_made = LastRequest("a b/c", 1, "x.jpg")

    assert "/v1/predict/a%20b%2Fc?top_k=1" in api_snippets.to_curl(request_made, URL)
    assert "-m 'a b/c'" in api_snippets.to_perf_analyzer(request_made, "https://gateway")
