"""Requests about images as clients write them, and answers as clients read them."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx

from python_backends.shared.contract import encode_bytes_tensor

LENGTH = "Inference-Header-Content-Length"


def as_json(*images: bytes, **more: Any) -> dict[str, Any]:
    """A JSON request about images."""
    data = [base64.b64encode(image).decode() for image in images]
    tensor = {"name": "IMAGE", "datatype": "BYTES", "shape": [len(images), 1], "data": data}
    return {"inputs": [tensor], **more}


def as_binary(*images: bytes, **more: Any) -> tuple[bytes, dict[str, str]]:
    """A binary request about images: body and header."""
    raw = encode_bytes_tensor(images)
    tensor = {
        "name": "IMAGE",
        "datatype": "BYTES",
        "shape": [len(images), 1],
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [tensor], **more}).encode()
    return head + raw, {LENGTH: str(len(head))}


def parts(answer: httpx.Response) -> tuple[dict[str, Any], dict[str, bytes]]:
    """JSON and binary tensors of an answer; the sizes must add up."""
    length = int(answer.headers[LENGTH])
    head, rest, tensors = json.loads(answer.content[:length]), answer.content[length:], {}
    for output in head["outputs"]:
        if "parameters" in output:
            size = output["parameters"]["binary_data_size"]
            tensors[output["name"]], rest = rest[:size], rest[size:]
    assert rest == b""
    return head, tensors
