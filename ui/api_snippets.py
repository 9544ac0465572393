"""A request as commands and programs that anybody can run. Pure; no key is ever among them."""

from __future__ import annotations

import json
import shlex
from urllib.parse import quote, urlsplit

from ui.session import LastRequest

KEY_VARIABLE = "TRIPTYCH_API_KEY"
TRITON_VARIABLE = "TRITON_GRPC"
INPUT_FILE = "perf_input.json"

# Where `triptych up` has it.
_USUAL_TRITON = "127.0.0.1:8001"
_CALLS_AT_ONCE = 4
# What a job is made of: whether of texts, the file, and its media type.
_JOB_FILES = {
    False: ("pictures.zip", "application/zip"),
    True: ("texts.jsonl", "application/x-ndjson"),
}


def to_curl(request: LastRequest, gateway_url: str) -> str:
    """The command for a shell."""
    return " \\\n  ".join(
        [
            "curl -sS --fail-with-body",
            f'-H "Authorization: Bearer ${KEY_VARIABLE}"',
            f"-H {_in_shell(f'Content-Type: {_content_type(request)}')}",
            f"--data-binary {_curl_data(request)}",
            _in_shell(_address(request, gateway_url)),
        ]
    )


def to_job_curl(alias: str, gateway_url: str, *, takes_texts: bool) -> str:
    """The command that hands in a job; the file is read while it is sent."""
    file, content_type = _JOB_FILES[takes_texts]
    address = f"{gateway_url}/v1/jobs?alias={quote(alias, safe='')}"
    return " \\\n  ".join(
        [
            "curl -sS --fail-with-body -X POST",
            f'-H "Authorization: Bearer ${KEY_VARIABLE}"',
            f"-H {_in_shell(f'Content-Type: {content_type}')}",
            f"-T {file}",
            _in_shell(address),
        ]
    )


def to_rest_program(request: LastRequest, gateway_url: str) -> str:
    """The program with httpx."""
    takes_file = request.file_name is not None
    lines = ["import os", *(["from pathlib import Path"] if takes_file else []), "", "import httpx"]
    headers = [f'    "Authorization": f"Bearer {{os.environ[{KEY_VARIABLE!r}]}}",']
    if takes_file:
        headers.append(f'    "Content-Type": {request.content_type!r},')
        body = f"content=Path({request.file_name!r}).read_bytes()"
    else:
        body = f"json={_texts_body(request)!r}"
    lines += [
        "",
        "answer = httpx.post(",
        f"    {f'{gateway_url}{_path(request)}'!r},",
        f'    params={{"top_k": {request.top_k}}},',
        "    headers={",
        *(f"    {line}" for line in headers),
        "    },",
        f"    {body},",
        ")",
        "answer.raise_for_status()",
        "print(answer.json())",
    ]
    return "\n".join(lines)


def to_grpc_program(request: LastRequest, gateway_url: str) -> str:
    """The program with this project's direct client: past the gateway, but for the route."""
    takes_file = request.file_name is not None
    item = f"Path({request.file_name!r}).read_bytes()" if takes_file else "text"
    asking = f"client.classify_one({item}, top_k={request.top_k})"
    shown = "    print(answer.label, answer.score, answer.release)"
    lines = [
        "import os",
        *(["from pathlib import Path"] if takes_file else []),
        "",
        "from triptych.client import DirectClient",
        "",
        f'key = os.environ["{KEY_VARIABLE}"]',
        f'triton = os.environ.get("{TRITON_VARIABLE}", "{_USUAL_TRITON}")',
        f"with DirectClient({gateway_url!r}, key, [triton], {request.alias!r}) as client:",
    ]
    if takes_file:
        lines += [f"    answer = {asking}", shown]
    else:
        lines += [
            f"    for text in {list(request.texts)!r}:",
            f"        answer = {asking}",
            f"    {shown}",
        ]
    return "\n".join(lines)


def to_perf_analyzer(request: LastRequest, gateway_url: str) -> str:
    """Two commands: write the input file, then measure through the gateway's /v2."""
    takes_file = request.file_name is not None
    tensor = "IMAGE" if takes_file else "TEXT"
    source = f'open({request.file_name!r}, "rb").read()' if takes_file else "text.encode()"
    before = [] if takes_file else [f"texts = {list(request.texts)!r}"]
    items = f"[{source}]" if takes_file else f"[{source} for text in texts]"
    program = [
        "import base64, json, struct",
        "",
        *before,
        f"items = {items}",
        'packed = [base64.b64encode(struct.pack("<I", len(it)) + it).decode() for it in items]',
        f'rows = [{{"{tensor}": {{"content": {{"b64": it}}, "shape": [1]}}}} for it in packed]',
        f'json.dump({{"data": rows}}, open("{INPUT_FILE}", "w"))',
    ]
    parts = urlsplit(gateway_url)
    where = parts.netloc if parts.scheme == "http" else gateway_url
    command = " \\\n  ".join(
        [
            f"perf_analyzer -m {_in_shell(request.alias)} -i http -u {_in_shell(where)}",
            f'-H "Authorization: Bearer ${KEY_VARIABLE}"',
            f"--input-data {INPUT_FILE} --concurrency-range {_CALLS_AT_ONCE}",
        ]
    )
    return "\n".join(["python3 - <<'END'", *program, "END", command])


def _path(request: LastRequest) -> str:
    return f"/v1/predict/{quote(request.alias, safe='')}"


def _address(request: LastRequest, gateway_url: str) -> str:
    return f"{gateway_url}{_path(request)}?top_k={request.top_k}"


def _content_type(request: LastRequest) -> str:
    return "application/json" if request.file_name is None else request.content_type


def _curl_data(request: LastRequest) -> str:
    if request.file_name is None:
        return _in_shell(json.dumps(_texts_body(request)))
    # The folder keeps a file called "-" from meaning the standard input.
    return _in_shell(f"@./{request.file_name}")


def _texts_body(request: LastRequest) -> dict[str, object]:
    one = len(request.texts) == 1
    return {"text": request.texts[0]} if one else {"texts": list(request.texts)}


def _in_shell(word: str) -> str:
    """Quote a word for a shell; signs that turn the direction of writing are spelt out for bash."""
    if word.isprintable():
        return shlex.quote(word)
    spelt = "".join(_spelt(sign) for sign in word)
    return f"$'{spelt}'"


def _spelt(sign: str) -> str:
    if sign in "\\'":
        return f"\\{sign}"
    return sign if sign.isprintable() else f"\\U{ord(sign):08x}"
