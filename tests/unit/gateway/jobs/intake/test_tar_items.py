"""What comes out of a TAR, whoever made it and why."""

from __future__ import annotations

import contextlib
import gzip
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.jobs.intake.tar_items import tar_gz_items, tar_items
from gateway.jobs.intake.unpack_limits import UnpackLimits
from gateway.jobs.job_errors import MalformedArchive
from gateway.jobs.payload import JobItem
from tests.unit.gateway.jobs.intake.archives_made import (
    FILES,
    LIMITS,
    Counting,
    a_block,
    a_tar,
    a_tar_of,
    opened,
)

END = bytes(1024)


def read(archive: bytes, limits: UnpackLimits = LIMITS) -> list[JobItem]:
    return list(tar_items(opened(archive), limits))


def read_gz(archive: bytes, limits: UnpackLimits = LIMITS) -> list[JobItem]:
    return list(tar_gz_items(opened(archive), limits))


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_come_in_their_order_with_long_and_foreign_names(form: int) -> None:
    long = "folder/" * 15 + "é" * 20 + ".png"
    files = FILES | {long: b"long"}

    assert read(a_tar(files, format=form)) == [JobItem(*it) for it in files.items()]
    assert read_gz(a_tar(files, "w:gz", format=form)) == [JobItem(*it) for it in files.items()]


def test_very_long_names_are_cut_at_their_beginning() -> None:
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        (item,) = read(a_tar({"a/" * 400 + "seven.png": b"7"}, format=form))
        assert len(item.name) == 512
        assert item.name.endswith("/seven.png")


def test_a_size_that_only_an_extended_header_can_say_is_taken() -> None:
    member = tarfile.TarInfo("big")
    member.size, member.pax_headers = 3, {"size": "3", "mtime": "1.5", "comment": "é"}

    assert read(a_tar_of((member, b"abc"))) == [JobItem("big", b"abc")]


def test_large_sizes_to_the_base_of_256_are_read() -> None:
    size = b"\x80" + (4).to_bytes(11, "big")

    assert read(a_block("a", b"0", size) + b"abcd" + bytes(508) + END) == [JobItem("a", b"abcd")]


def test_links_devices_folders_files_with_holes_and_what_systems_add_are_left_out() -> None:
    members = []
    for kind in (b"1", b"2", b"3", b"4", b"5", b"6"):
        member = tarfile.TarInfo(f"odd{kind!r}")
        member.type, member.linkname = kind, "/etc/passwd"
        members.append((member, b""))
    holes = tarfile.TarInfo("holes")
    holes.size, holes.pax_headers = 3, {"GNU.sparse.major": "1", "GNU.sparse.name": "holes"}
    hidden, seven = tarfile.TarInfo("a/._seven.png"), tarfile.TarInfo("../seven.png")
    hidden.size = seven.size = 5
    members += [(holes, b"abc"), (hidden, b"xxxxx"), (seven, b"seven")]

    assert read(a_tar_of(*members)) == [JobItem("../seven.png", b"seven")]


def test_the_map_of_an_old_file_with_holes_is_left_out_with_it() -> None:
    sparse = bytearray(a_block("holes", b"S", b"00000000004"))
    sparse[482] = 1
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    more, last = bytearray(512), bytes(512)
    more[504] = 1
    archive = bytes(sparse) + bytes(more) + last + b"abcd" + bytes(508)

    assert read(archive + a_tar({"a": b"1"})) == [JobItem("a", b"1")]


def test_a_folder_as_the_oldest_archives_have_it_is_left_out() -> None:
    assert read(a_block("folder/", b"\0") + END) == []


def test_real_tar_is_understood(tmp_path: Path) -> None:
    if shutil.which("tar") is None:
        pytest.skip("there is no tar here")
    folder = tmp_path / "in"
    (folder / ("long" * 40)).mkdir(parents=True)
    (folder / ("long" * 40) / "seven.png").write_bytes(b"seven")
    (folder / "link").symlink_to("/etc/passwd")
    with (folder / "holes").open("wb") as holes:
        holes.truncate(10**6)
    for form in ("gnu", "posix"):
        made = subprocess.run(
            ["tar", "--sparse", f"--format={form}", "-cf", "-", "-C", str(folder), "."],
            check=True,
            capture_output=True,
        )
        assert [item.content for item in read(made.stdout)] == [b"seven"]


def test_two_of_one_name_are_two_and_an_archive_in_an_archive_is_an_item() -> None:
    inner = a_tar()
    archive = a_tar({"a": b"1"})[:1024] + a_tar({"a": b"2", "inner.tar": inner})

    assert read(archive) == [JobItem("a", b"1"), JobItem("a", b"2"), JobItem("inner.tar", inner)]


def test_an_item_that_is_too_large_keeps_its_place_and_nothing_else() -> None:
    assert read(a_tar(), replace(LIMITS, max_item_bytes=10))[1] == JobItem("a/eight.png", b"", 5000)


def test_a_bomb_is_refused_also_in_what_is_skipped() -> None:
    bomb = a_tar({f"{it}": bytes(90_000) for it in range(20)}, "w:gz")
    skipped = a_tar({".hidden": bytes(2 * 10**6)}, "w:gz")
    behind = gzip.compress(a_tar({"a": b"1"}) + bytes(2 * 10**6))
    for archive in (bomb, skipped, behind):
        with pytest.raises(MalformedArchive, match="unpacks to more"):
            read_gz(archive)


def test_headers_that_have_no_end_are_refused() -> None:
    size = b"00010000001"  # 2 MiB and one byte
    for kind in (b"x", b"L"):
        with pytest.raises(MalformedArchive, match="a header of the TAR has"):
            read(a_block("a", kind, size) + bytes(3 * 10**6))


def test_a_header_of_very_many_small_records_is_refused() -> None:
    for records, is_read in ((900, True), (1000, False)):
        note = b"5 a=\n" * records
        archive = a_block("a", b"x", b"%011o" % len(note)) + note + bytes(-len(note) % 512) + END
        if is_read:
            assert read(archive) == []
        else:
            with pytest.raises(MalformedArchive, match="1000 records or more"):
                read(archive)


def test_more_members_than_there_may_be_are_refused() -> None:
    with pytest.raises(MalformedArchive, match="more than 1000 members"):
        read(a_block("folder", b"5") * 1001)


@pytest.mark.no_cover  # of so many rounds the tracing would take most of the time
def test_of_a_hundred_thousand_members_the_first_is_here_before_the_others_are_read() -> None:
    file = Counting((a_block("a.txt", b"0", b"00000000001") + b"x" + bytes(511)) * 100_000 + END)
    limits = UnpackLimits(max_members=100_000, max_bytes=10**9, max_item_bytes=10)

    items = tar_items(file, limits)

    assert next(items) == JobItem("a.txt", b"x")
    assert file.read_bytes == 1024
    assert sum(len(item.content) for item in items) == 99_999


def test_one_that_was_cut_off_is_told_wherever_it_was() -> None:
    archive = a_tar()
    for length in (0, 100, 512, 515, 1024, 1536, len(archive) // 2):
        with pytest.raises(MalformedArchive):
            read(archive[:length])
    compressed = a_tar(mode="w:gz")
    for length in (0, 5, len(compressed) - 20, len(compressed) - 4):
        with pytest.raises(MalformedArchive):
            read_gz(compressed[:length])


@pytest.mark.parametrize(
    "archive",
    [
        b"no tar " * 999,
        a_block("a", b"0", b"-0000000001") + END,
        a_block("a", b"0", b"\xff" * 12) + END,
        a_block("a", b"x", b"00000000004") + b"9999" + bytes(508) + END,
        a_block("a", b"x", b"00000000012") + b"10 size=-1\n" + bytes(501) + END,
        a_block("a", b"x", b"00000000012") + b"10 size=x\n" + bytes(502) + a_block("a", b"0") + END,
    ],
)
def test_what_is_no_tar_is_told(archive: bytes) -> None:
    with pytest.raises(MalformedArchive):
        read(archive)


def test_what_is_no_gzip_is_told() -> None:
    with pytest.raises(MalformedArchive, match="GZIP"):
        read_gz(a_tar())


@given(st.data())
def test_whatever_is_changed_nothing_else_is_raised(data: st.DataObject) -> None:
    archive = bytearray(a_tar({"a" * 150: b"1" * 50, "c": b"23"}, format=tarfile.PAX_FORMAT))
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedArchive):
        read(bytes(archive))
