"""Whatever bytes come: the parser understands them exactly, or says a GatewayError."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.data_plane.open_inference.content_coding import inflated, window_of
from gateway.data_plane.open_inference.infer_request import Accepted, InferRequest
from gateway.data_plane.open_inference.infer_response import Origin, encode_response
from gateway.data_plane.open_inference.request_parts import parse_infer_request
from gateway.errors import GatewayError, MalformedCompression, PayloadTooLarge
from python_backends.shared.contract import (
    ItemAnswer,
    Status,
    Task,
    decode_answers,
    encode_bytes_tensor,
)

MOST = 8
IMAGES = Accepted(Task.IMAGE_CLASSIFICATION, MOST)
TEXTS = Accepted(Task.TEXT_CLASSIFICATION, MOST)
# The same examples each time: a run that fails now and then teaches nobody.
checked = settings(deadline=None, derandomize=True, max_examples=80)

items = st.lists(st.binary(max_size=200), min_size=1, max_size=MOST)
texts = st.lists(st.text(max_size=50), min_size=1, max_size=MOST)
outputs = st.lists(
    st.tuples(st.sampled_from(["LABEL", "SCORE", "STATUS"]), st.booleans()),
    unique_by=lambda output: output[0],
)
ids = st.text(max_size=30)
CODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
]


def document(tensor: dict[str, Any], **more: Any) -> bytes:
    right = {"datatype": "BYTES"}
    return json.dumps({"inputs": [right | tensor], **more}).encode()


def asked(wanted: Sequence[tuple[str, bool]]) -> list[dict[str, Any]]:
    return [{"name": name, "parameters": {"binary_data": flag}} for name, flag in wanted]


def named(request: InferRequest) -> list[tuple[str, bool]]:
    return [(output.spec.name, output.is_binary) for output in request.outputs]


@checked
@given(items, ids, outputs)
def test_a_binary_request_is_read_as_it_was_written(
    images: list[bytes], identifier: str, wanted: list[tuple[str, bool]]
) -> None:
    raw = encode_bytes_tensor(images)
    tensor = {
        "name": "IMAGE",
        "shape": [len(images), 1],
        "parameters": {"binary_data_size": len(raw)},
    }
    head = document(tensor, id=identifier, outputs=asked(wanted))

    request = parse_infer_request(head + raw, str(len(head)), IMAGES)

    assert (list(request.items), request.id) == (images, identifier)
    assert named(request) == (wanted or [(it, False) for it in ("LABEL", "SCORE", "STATUS")])


@checked
@given(items, st.booleans())
def test_base64_is_read_as_it_was_written(images: list[bytes], is_nested: bool) -> None:
    data = [base64.b64encode(image).decode() for image in images]
    nested = [[element] for element in data]
    tensor = {"name": "IMAGE", "shape": [len(images), 1], "data": nested if is_nested else data}

    assert list(parse_infer_request(document(tensor), None, IMAGES).items) == images


@checked
@given(texts, st.booleans())
def test_a_text_is_read_as_it_was_written(said: list[str], is_escaped: bool) -> None:
    tensor = {"name": "TEXT", "datatype": "BYTES", "shape": [len(said), 1], "data": said}
    body = json.dumps({"inputs": [tensor]}, ensure_ascii=is_escaped).encode()

    request = parse_infer_request(body, None, TEXTS)

    assert [item.decode() for item in request.items] == said


@checked
@given(st.binary(max_size=500), st.sampled_from([IMAGES, TEXTS]))
def test_bare_bytes_are_one_item_whatever_they_are(body: bytes, accepted: Accepted) -> None:
    assert parse_infer_request(body, "0", accepted).items == (body,)


@checked
@given(
    st.binary(max_size=300),
    st.none() | st.text(max_size=5) | st.integers(-5, 400).map(str),
    st.sampled_from([IMAGES, TEXTS]),
)
def test_no_bytes_and_no_header_raise_anything_but_a_refusal(
    body: bytes, length: str | None, accepted: Accepted
) -> None:
    with contextlib.suppress(GatewayError):
        parse_infer_request(body, length, accepted)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["IMAGE", "TEXT"]) | values,
        "datatype": st.just("BYTES") | values,
        "shape": st.lists(st.integers(-1, 9), max_size=3) | values,
        "data": st.lists(st.text(max_size=8) | values, max_size=4) | values,
        "parameters": st.dictionaries(st.just("binary_data_size"), st.integers(-1, 50)) | values,
    },
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=5) | values,
        "inputs": st.lists(tensors | values, max_size=2),
        "outputs": st.lists(st.fixed_dictionaries({"name": st.just("LABEL") | values}) | values),
        "parameters": st.dictionaries(st.just("binary_data_output"), st.booleans()) | values,
    },
)


@checked
@given(documents, st.binary(max_size=20), st.booleans())
def test_json_of_nearly_the_right_form_is_understood_or_refused(
    almost: dict[str, Any], tail: bytes, has_header: bool
) -> None:
    head = json.dumps(almost).encode()
    try:
        request = parse_infer_request(head + tail, str(len(head)) if has_header else None, TEXTS)
    except GatewayError as refusal:
        str(refusal).encode()
        return
    assert 1 <= len(request.items) <= MOST
    assert request.outputs


@checked
@given(
    st.lists(
        st.tuples(st.sampled_from(Status), st.lists(st.text(max_size=9), min_size=3, max_size=3)),
        min_size=1,
        max_size=4,
    )
)
def test_a_binary_answer_says_what_triton_said(
    told: list[tuple[Status, list[str]]],
) -> None:
    given_answers = [
        ItemAnswer(status, tuple(labels), (0.5, 0.25, 0.125))
        if status.is_answered
        else ItemAnswer(status, (), ())
        for status, labels in told
    ]
    request = parse_infer_request(b"", "0", TEXTS)

    encoded = encode_response(Origin("m", "m_r1", "m_r1", 3), request, given_answers)

    assert encoded.json_length is not None
    head = json.loads(encoded.body[: encoded.json_length])
    tail, raw = encoded.body[encoded.json_length :], {}
    for output in head["outputs"]:
        size = output["parameters"]["binary_data_size"]
        raw[output["name"]], tail = tail[:size], tail[size:]
    assert decode_answers(raw, items=len(told)) == given_answers


async def _joined(body: bytes, coding: str, sizes: int, limit: int) -> bytes:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), sizes):
            yield body[start : start + sizes]
        yield b""  # as a server ends a body

    window = window_of(coding)
    assert window is not None
    return b"".join([piece async for piece in inflated(chunks(), window, limit)])


def _inflate(body: bytes, coding: str = "gzip", sizes: int = 64, limit: int = 10**7) -> bytes:
    return asyncio.run(_joined(body, coding, sizes, limit))


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    st.binary(max_size=3000),
    st.integers(1, 300),
    st.sampled_from(CODINGS),
)
def test_what_was_compressed_is_inflated_whatever_the_chunks(
    body: bytes, sizes: int, how: tuple[str, Callable[[bytes], bytes]]
) -> None:
    coding, compress = how
    packed = compress(body)

    assert _inflate(packed, coding, sizes) == body
    with pytest.raises(MalformedCompression):
        _inflate(packed[:-1], coding, sizes)
    with pytest.raises(MalformedCompression):
        _inflate(packed + b"\0", coding, sizes)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]))
def test_bytes_that_are_not_compressed_are_refused(body: bytes, coding: str) -> None:
    with pytest.raises(MalformedCompression):
        _inflate(body, coding)


@pytest.mark.parametrize("length", [256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3 * 256 * 1024])
def test_a_body_that_fills_its_pieces_is_inflated_to_its_end(length: int) -> None:
    assert _inflate(gzip.compress(bytes(length)), sizes=10**6) == bytes(length)
    assert _inflate(gzip.compress(bytes(length)), sizes=10**6, limit=length) == bytes(length)
    with pytest.raises(PayloadTooLarge):
        _inflate(gzip.compress(bytes(length)), sizes=10**6, limit=length - 1)


def test_a_body_may_inflate_far_only_as_far_as_its_length_allows() -> None:
    noise = hashlib.shake_128(b"noise").digest(3_000_000)
    assert _inflate(gzip.compress(noise), sizes=65_536) == noise
    with pytest.raises(PayloadTooLarge, match="too far"):
        _inflate(gzip.compress(bytes(3_000_000)), sizes=65_536)
