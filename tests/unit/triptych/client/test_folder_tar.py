"""A TAR that is made while it is sent, against the standard library's reader."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from triptych.client.folder_tar import TarMember, files_of, in_pieces, tar_bytes, write_tar

NAMES = [
    "plain.png",
    "Zürich/한글.png",
    "deep/" * 40 + "x.png",
    "n" * 100,
    "n" * 101,
    "new\nline",
    os.fsdecode(b"latin-\xe9.png"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
def test_any_name_and_size_comes_out_as_it_went_in(name: str, size: int) -> None:
    content = b"x" * size
    members = [TarMember(name, content, size), TarMember("last", b"z", 1)]

    written = b"".join(write_tar(members))

    assert len(written) == tar_bytes(members)
    with tarfile.open(fileobj=io.BytesIO(written), mode="r:") as tar:
        read = [(it.name, (tar.extractfile(it) or io.BytesIO()).read()) for it in tar]
    assert read == [(name, content), ("last", b"z")]


def test_a_size_beyond_a_plain_header_is_told_and_counted() -> None:
    huge = TarMember("huge", b"", 9 * 1024**3)

    assert tar_bytes([huge]) > huge.size_bytes + 3 * 512
    assert b"9663676416" in next(write_tar([huge]))


def test_pieces_are_large_enough_and_never_the_whole() -> None:
    members = [TarMember(str(number), bytes(1000), 1000) for number in range(2000)]

    sizes = [len(piece) for piece in write_tar(members)]

    assert sum(sizes) == tar_bytes(members)
    assert all(256 * 1024 <= size < 300 * 1024 for size in sizes[:-1])
    assert list(in_pieces([])) == []


def test_a_file_that_grew_is_sent_as_it_was_noted_and_one_that_shrank_is_said(
    tmp_path: Path,
) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(b"12345")
    (member,) = files_of(tmp_path)

    file.write_bytes(b"1234567")
    with tarfile.open(fileobj=io.BytesIO(b"".join(write_tar([member])))) as tar:
        assert (tar.extractfile("x.png") or io.BytesIO()).read() == b"12345"

    file.write_bytes(b"123")
    with pytest.raises(OSError, match="shorter"):
        list(write_tar([member]))


def test_files_are_found_in_the_order_of_their_names_without_hidden_ones_and_linked_folders(
    tmp_path: Path,
) -> None:
    for name in ("b/2.png", "b/1.png", "a.png", ".hidden.png", ".git/x.png", "b.png", "b/c/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "again").symlink_to(tmp_path / "b")

    found = [it.name for it in files_of(tmp_path)]
    flat = [it.name for it in files_of(tmp_path, is_recursive=False)]
    some = files_of(tmp_path, lambda path: path == PurePosixPath("b/1.png"))

    assert found == ["a.png", "b/1.png", "b/2.png", "b/c/d.png", "b.png", "link.png"]
    assert flat == ["a.png", "b.png", "link.png"]
    assert [(it.name, it.content, it.size_bytes) for it in some] == [
        ("b/1.png", tmp_path / "b/1.png", 1)
    ]
