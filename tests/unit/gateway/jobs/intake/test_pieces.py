"""Forms and lines, in whatever pieces they come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedMultipart
from gateway.jobs.intake.form_parts import FormParts
from gateway.jobs.intake.item_names import item_name
from gateway.jobs.intake.json_lines import MAX_LINE_BYTES, JsonLines
from gateway.jobs.job_errors import MalformedJsonLines
from gateway.jobs.payload import JobItem

TYPE = "multipart/form-data; boundary=x"
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhi\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a/\xc3\xa9.png"\r\n'
    b"Content-Type: image/png\r\n\r\nseven\r\n--y\r\n"
    b'--x\r\ncontent-disposition: form-data; name="file"; filename=""\r\n\r\n\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n\r\n'
    + b"z" * 50
    + b"\r\n--x--\r\n"
)
LINES = (
    b'"one"\n\n{"text": "two", "id": "b\\n"}\r\n  \n{"id": 3, "text": " "}\n{"text": "\xc3\xa9"}'
)


def in_pieces(whole: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]
    return [whole[a:b] for a, b in pairwise(places)]


@given(st.lists(st.integers(0, 1000), max_size=8))
def test_a_form_gives_its_files_however_it_is_cut(cuts: list[int]) -> None:
    parts = FormParts(TYPE, max_item_bytes=20)
    found = [item for piece in in_pieces(FORM, cuts) for item in parts.take(piece)]
    parts.end()

    assert found == [
        JobItem("a/é.png", b"seven\r\n--y"),
        JobItem("", b""),
        JobItem("big", b"", 50),
    ]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", FORM),
        ("multipart/form-data; boundary=", FORM),
        ("multipart/form-data; boundary=" + "x" * 300, FORM),
        ("multipart/form-data; boundary=y", FORM),
        (TYPE, b""),
        (TYPE, FORM[:-6]),
        (TYPE, FORM.replace(b'name="file"; ', b"")),
        (TYPE, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nhi\r\n--x--\r\n'),
        (TYPE, b"--x\r\nA: " + b"y" * 9000 + b"\r\n\r\nseven\r\n--x--\r\n"),
    ],
)
def test_what_is_no_form_with_a_file_is_told(content_type: str, body: bytes) -> None:
    def read() -> None:
        parts = FormParts(content_type, max_item_bytes=20)
        parts.take(body)
        parts.end()

    with pytest.raises(MalformedMultipart):
        read()


@given(st.lists(st.integers(0, 1000), max_size=8))
def test_lines_give_their_texts_however_they_are_cut(cuts: list[int]) -> None:
    lines = JsonLines()
    found = [item for piece in in_pieces(LINES, cuts) for item in lines.take(piece)]
    found += lines.end()

    assert found == [
        JobItem("", b"one"),
        JobItem("b\ufffd", b"two"),
        JobItem("3", b""),
        JobItem("", "é".encode()),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        b"no json",
        b"17",
        b"null",
        b'{"text": 17}',
        b'{"texts": ["a"]}',
        b'{"text": "a", "id": [1]}',
        b'{"text": "a", "id": true}',
        b'{"text": "a", "id": "b", "label": "c"}',
        b'"\\ud800"',
        b'"\xff"',
        b"9" * 5000,
        b"[" * 100_000,
        b"[" + b"[]," * 100 + b"[]]",
        b'"' + b"a" * MAX_LINE_BYTES + b'"',
    ],
)
def test_a_bad_line_is_told_with_its_number(bad: bytes) -> None:
    lines = JsonLines()
    with pytest.raises(MalformedJsonLines, match=r"^line 3: "):
        list(lines.take(b'"fine"\n\n' + bad + b"\n"))


@pytest.mark.parametrize("mark", "\0\r\n\x1b\x85\u061c\u200e\u200f\u2028\u202e\u2066\ud800")
def test_what_moves_or_turns_the_text_of_a_name_is_not_kept(mark: str) -> None:
    assert item_name(f"a{mark}gnp.exe") == "a\ufffdgnp.exe"
