"""Inference requests that hurt a bare Triton, and their relations: each must get a 4xx of ours.

All of them go to an image model of at most 32 items. Sources: what was measured of the real server
(classification, huge shapes, deep nesting, gzip bombs), and variations of it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

PICTURE = "AAAA"  # base64 of three bytes; what they hold does not matter here
LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Poison:
    """One request, and the status that it gets."""

    name: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 400


def tensor(**changes: Any) -> dict[str, Any]:
    """An input as it should be, but for the changes; None leaves a field out."""
    right = {"name": "IMAGE", "datatype": "BYTES", "shape": [1, 1], "data": [PICTURE]}
    return {name: value for name, value in (right | changes).items() if value is not None}


def document(**changes: Any) -> bytes:
    """A JSON request as it should be, but for the changes to its top level."""
    return json.dumps({"inputs": [tensor()], **changes}).encode()


def with_input(**changes: Any) -> bytes:
    return document(inputs=[tensor(**changes)])


def with_output(**fields: Any) -> bytes:
    return document(outputs=[fields])


def binary(tail: bytes, size: int | None = None, **changes: Any) -> tuple[bytes, dict[str, str]]:
    """A binary request: body and headers."""
    declared = {"binary_data_size": len(tail) if size is None else size}
    head = with_input(data=None, parameters=declared, **changes)
    return head + tail, {LENGTH: str(len(head))}


def _raw(text: str) -> bytes:
    """A good request whose id is replaced by text that json.dumps would never make."""
    return document(id="PLACE").replace(b'"PLACE"', text.encode("utf-8", "surrogatepass"))


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 9)


_GZIP = {"Content-Encoding": "gzip"}
_DEFLATE = {"Content-Encoding": "deflate"}
_GOOD = document()
_DEEP = 100_000

OF_TRITON = [
    Poison("classification of LABEL", with_output(name="LABEL", parameters={"classification": 3})),
    Poison("classification of SCORE", with_output(name="SCORE", parameters={"classification": 1})),
    Poison("a huge shape", with_input(shape=[2**40, 2**40])),
    Poison("a huge batch", with_input(shape=[2**62, 1])),
    Poison("a shape whose product overflows", with_input(shape=[2**32, 2**32])),
    Poison("100 000 nested lists as data", with_input(data=["D"]).replace(b'"D"', b"[" * _DEEP)),
    Poison("100 000 nested lists", b"[" * _DEEP + b"]" * _DEEP),
    Poison("100 000 nested objects", b'{"a":' * _DEEP + b"1" + b"}" * _DEEP),
    Poison("200 MB in 200 KB of gzip", _gzip(bytes(200_000_000)), _GZIP, 413),
    Poison("200 MB of deflate", zlib.compress(bytes(200_000_000), 9), _DEFLATE, 413),
    Poison(
        "200 MB of gzip behind a raw request",
        _gzip(bytes(200_000_000)),
        {**_GZIP, LENGTH: "0"},
        413,
    ),
    Poison("shared memory in", with_input(data=None, parameters={"shared_memory_region": "x"})),
    Poison(
        "shared memory out", with_output(name="LABEL", parameters={"shared_memory_region": "x"})
    ),
    Poison("a sequence", document(parameters={"sequence_id": 1, "sequence_start": True})),
    Poison("a priority", document(parameters={"priority": 1})),
    Poison("a timeout", document(parameters={"timeout": 1})),
    Poison("headers as parameters", document(parameters={"headers": {"a": "b"}})),
    Poison("an unknown parameter", document(parameters={"\ud800": 1})),
]

SHAPES = [
    Poison("no shape", with_input(shape=None)),
    Poison("no batch dimension", with_input(shape=[1])),
    Poison("three dimensions", with_input(shape=[1, 1, 1])),
    Poison("no items", with_input(shape=[0, 1], data=[])),
    Poison("minus one item", with_input(shape=[-1, 1])),
    Poison("a batch above the limit", with_input(shape=[33, 1], data=[PICTURE] * 33)),
    Poison("two elements per item", with_input(shape=[1, 2], data=[PICTURE, PICTURE])),
    Poison("a shape of true", with_input(shape=[True, 1])),
    Poison("a width of true", with_input(shape=[1, True])),
    Poison("a shape of a float", with_input(shape=[1.0, 1])),
    Poison("a shape of a text", with_input(shape=["1", 1])),
    Poison("a shape as an object", with_input(shape={"0": 1})),
    Poison("a shape with 5000 digits", with_input(shape=["D", 1]).replace(b'"D"', b"9" * 5000)),
    Poison("too few elements", with_input(shape=[2, 1])),
    Poison("too many elements", with_input(data=[PICTURE, PICTURE])),
]

FIELDS = [
    Poison("nothing", b""),
    Poison("no object", b"[]"),
    Poison("null", b"null"),
    Poison("no inputs", b"{}"),
    Poison("an empty list of inputs", document(inputs=[])),
    Poison("two inputs", document(inputs=[tensor(), tensor()])),
    Poison("an input that is no object", document(inputs=[1])),
    Poison("another name", with_input(name="PIXELS")),
    Poison("no name", with_input(name=None)),
    Poison("another datatype", with_input(datatype="UINT8")),
    Poison("no data", with_input(data=None)),
    Poison("data as a text", with_input(data=PICTURE)),
    Poison("data of numbers", with_input(data=[1])),
    Poison("data of null", with_input(data=["N"]).replace(b'"N"', b"null")),
    Poison("data nested twice", with_input(data=[[[PICTURE]]])),
    Poison("data nested unevenly", with_input(shape=[2, 1], data=[[PICTURE], PICTURE])),
    Poison("data and a binary size", with_input(parameters={"binary_data_size": 0})),
    Poison("an unknown field of the input", with_input(content=[PICTURE])),
    Poison("an unknown field", document(model_name="digits")),
    Poison("an id that is a number", document(id=7)),
    Poison("an id of 300 characters", document(id="x" * 300)),
    Poison("parameters as a list", document(parameters=[])),
    Poison("a flag that is a text", document(parameters={"binary_data_output": "yes"})),
    Poison("outputs as an object", document(outputs={"name": "LABEL"})),
    Poison("an output without a name", with_output()),
    Poison("an output whose name is a list", with_output(name=["LABEL"])),
    Poison("an unknown output", with_output(name="LOGITS")),
    Poison("an output twice", document(outputs=[{"name": "LABEL"}, {"name": "LABEL"}])),
    Poison("an unknown field of an output", with_output(name="LABEL", datatype="BYTES")),
    Poison("a thousand outputs", document(outputs=[{"name": "LABEL"}] * 1000)),
]

TEXTS = [
    Poison("no JSON", b"GET / HTTP/1.1"),
    Poison("JSON cut short", _GOOD[:-1]),
    Poison("something after the JSON", _GOOD + b"{}"),
    Poison("a byte order mark", b"\xef\xbb\xbf" + _GOOD),
    Poison("UTF-16", _GOOD.decode().encode("utf-16")),
    Poison("no UTF-8", _GOOD.replace(b"IMAGE", b"\xff\xfe")),
    Poison("NaN", _raw("NaN")),
    Poison("minus infinity", _raw("-Infinity")),
    Poison("a million digits", _raw("9" * 1_000_000)),
    Poison("a float with a huge exponent", _raw("1e999999999")),
    Poison("half a surrogate pair", _raw('"\\ud800"')),
    Poison("half a surrogate pair, unescaped", _raw('"\ud800"')),
    Poison("a control character", _raw('"\x00"')),
    Poison("a name twice", _GOOD[:-1] + b', "inputs": []}'),
    Poison("a million commas", b'{"inputs": [' + b"1," * 1_000_000 + b"1]}"),
    Poison("strings without an end", b'{"id":"' + b'"\\' * 100_000),
    Poison("9 MB of JSON", _GOOD + b" " * 9_000_000, status=413),
    Poison("base64 with a space", with_input(data=["AA AA"])),
    Poison("base64 with a line break", with_input(data=["AAAA\n"])),
    Poison("base64 without its padding", with_input(data=["AAA"])),
    Poison("base64 for URLs", with_input(data=["-_-_"])),
    Poison("base64 after its padding", with_input(data=["AA==AA=="])),
    Poison("base64 outside of ASCII", with_input(data=["\u0101AAA"])),
]

_HEAD_ONLY = with_input(data=None, parameters={"binary_data_size": 7})
BINARY = [
    Poison("a binary size of 2^62", *binary(b"\x03\0\0\0abc", 2**62)),
    Poison("a binary size one too small", *binary(b"\x03\0\0\0abc", 6)),
    Poison("a negative binary size", *binary(b"\x03\0\0\0abc", -1)),
    Poison("an element longer than the tensor", *binary(b"\xff\xff\xff\xffabc")),
    Poison("a tensor that ends in a length", *binary(b"\x03\0")),
    Poison("an element too many", *binary(b"\x01\0\0\0a" * 2)),
    Poison("an element too few", *binary(b"\x01\0\0\0a", shape=[2, 1])),
    Poison("a million empty elements", *binary(bytes(4_000_000))),
    Poison("a binary size that is a text", *binary(b"", size="0")),  # type: ignore[arg-type]  # wrong on purpose
    Poison("binary data without the header", _HEAD_ONLY + b"\x03\0\0\0abc"),
    Poison("neither binary data nor the header", _HEAD_ONLY),
    Poison("no binary data", _HEAD_ONLY, {LENGTH: str(len(_HEAD_ONLY))}),
    Poison("bytes that no input claims", _GOOD + b"abc", {LENGTH: str(len(_GOOD))}),
    Poison("a length beyond the body", _GOOD, {LENGTH: str(len(_GOOD) + 1)}),
    Poison("a negative length", _GOOD, {LENGTH: "-1"}),
    Poison("a length of 5000 digits", _GOOD, {LENGTH: "9" * 5000}),
    Poison("a length in hexadecimal", _GOOD, {LENGTH: "0x10"}),
    Poison("two lengths", _GOOD, {LENGTH: f"{len(_GOOD)}, {len(_GOOD)}"}),
    Poison(
        "a megabyte of description",
        b" " * 1_100_000 + binary(b"")[0] + b"x",
        {LENGTH: str(1_100_000 + len(binary(b"")[0]))},
        413,
    ),
]

CODINGS = [
    Poison("gzip that is none", _GOOD, _GZIP),
    Poison("deflate without its wrapper", zlib.compress(_GOOD, wbits=-15), _DEFLATE),
    Poison("gzip as deflate", _gzip(_GOOD), _DEFLATE),
    Poison("gzip cut short", _gzip(_GOOD)[:-1], _GZIP),
    Poison("gzip with a wrong checksum", _gzip(_GOOD)[:-8] + bytes(8), _GZIP),
    Poison("gzip with something behind it", _gzip(_GOOD) + b"x", _GZIP),
    Poison("gzip of two members", _gzip(_GOOD[:9]) + _gzip(_GOOD[9:]), _GZIP),
    Poison("nothing, compressed", b"", _GZIP),
    Poison("gzip twice", _gzip(_gzip(_GOOD)), {"Content-Encoding": "gzip, gzip"}, 415),
    Poison("brotli", _GOOD, {"Content-Encoding": "br"}, 415),
]

ALL = [*OF_TRITON, *SHAPES, *FIELDS, *TEXTS, *BINARY, *CODINGS]
