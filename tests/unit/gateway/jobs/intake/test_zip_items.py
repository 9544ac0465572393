"""What comes out of a ZIP, whoever made it and why."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.jobs.intake.unpack_limits import UnpackLimits
from gateway.jobs.intake.zip_items import zip_items
from gateway.jobs.job_errors import MalformedArchive
from gateway.jobs.payload import JobItem
from tests.unit.gateway.jobs.intake.archives_made import (
    FILES,
    LIMITS,
    Counting,
    a_zip,
    opened,
    with_flags,
)


def read(archive: bytes, limits: UnpackLimits = LIMITS) -> list[JobItem]:
    return list(zip_items(opened(archive), limits))


def in_zip64(*, size_bytes: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, archive.open("big", "w", force_zip64=True) as big:
        big.write(bytes(size_bytes))
    return made.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_come_in_their_order(method: int) -> None:
    assert read(a_zip(method=method)) == [JobItem(*it) for it in FILES.items()]


def test_something_before_the_archive_and_a_comment_behind_it_do_no_harm() -> None:
    made = io.BytesIO(b"#!/bin/sh\n" * 100)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("seven.png", b"seven")
        archive.comment = b"c" * 60_000

    assert read(made.getvalue()) == [JobItem("seven.png", b"seven")]


def test_one_that_was_made_as_a_stream_is_read() -> None:
    class Pipe(io.RawIOBase):
        sent = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.sent += bytes(data)  # type: ignore[call-overload]  # a buffer
            return len(data)  # type: ignore[arg-type]  # a buffer

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("seven.png", b"seven")

    assert read(pipe.sent) == [JobItem("seven.png", b"seven")]


def test_members_with_fields_of_zip64_are_read() -> None:
    assert read(in_zip64(size_bytes=1000)) == [JobItem("big", bytes(1000))]


def test_an_end_record_of_zip64_is_read() -> None:
    archive = a_zip({"a": b"1"})
    at = archive.rfind(b"PK\x05\x06")
    _, _, _, _, count, length, offset, _ = struct.unpack("<4s4H2LH", archive[at:])
    long = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", *[0, 0, *[0xFFFF] * 2], 2**32 - 1, 2**32 - 1, 0)

    assert read(archive[:at] + long + locator + end) == [JobItem("a", b"1")]
    with pytest.raises(MalformedArchive):
        read(archive[:at] + b"X" + long[1:] + locator + end)


def test_values_of_zip64_in_the_directory_are_read() -> None:
    archive = a_zip({"a": b"1"}, method=zipfile.ZIP_STORED)
    at, end = archive.find(b"PK\x01\x02"), archive.rfind(b"PK\x05\x06")
    entry = bytearray(archive[at:end])
    struct.pack_into("<2L", entry, 20, 2**32 - 1, 2**32 - 1)
    extra = struct.pack("<2H", 7, 2) + b"xx" + struct.pack("<2H2Q", 1, 16, 1, 1)
    struct.pack_into("<H", entry, 30, len(extra))
    tail = bytearray(archive[end:])
    struct.pack_into("<L", tail, 12, len(entry) + len(extra))

    assert read(archive[:at] + bytes(entry) + extra + bytes(tail)) == [JobItem("a", b"1")]


def test_a_name_is_a_label_wherever_it_points() -> None:
    tricks = ["../../etc/passwd", "/etc/passwd", "C:\\windows\\x", "a" * 600, "b\x1b[2J\n", "é☃"]
    names = [item.name for item in read(a_zip(dict.fromkeys(tricks, b"1")))]

    assert names[:3] == ["../../etc/passwd", "/etc/passwd", "C:\\windows\\x"]
    assert names[3] == "…" + "a" * 511
    assert names[4:] == ["b\ufffd[2J\ufffd", "é☃"]


def test_a_name_of_an_old_code_page_is_read() -> None:
    archive = a_zip({"aaaa": b"1"}).replace(b"aaaa", b"caf\x82")

    assert read(archive)[0].name == "café"
    assert read(with_flags(archive, 0x800))[0].name == "caf\ufffd"


def test_two_of_one_name_are_two() -> None:
    archive = a_zip({"a": b"1", "b": b"2"}).replace(b"b", b"a")

    assert read(archive) == [JobItem("a", b"1"), JobItem("a", b"2")]


def test_folders_links_devices_and_what_systems_add_are_left_out() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.mkdir("folder")
        for kind in (0o120777, 0o020666, 0o010666, 0o040755):
            member = zipfile.ZipInfo(f"odd-{kind:o}")
            member.create_system, member.external_attr = 3, kind << 16
            archive.writestr(member, "/etc/passwd")
        archive.writestr("__MACOSX/a/._seven.png", b"x")
        archive.writestr("seven.png", b"seven")

    assert read(made.getvalue()) == [JobItem("seven.png", b"seven")]


def test_what_is_encrypted_or_packed_in_another_way_is_an_item_as_it_lies() -> None:
    encrypted = with_flags(a_zip({"a": b"1" * 99}), 1)
    in_bzip2 = a_zip({"a": b"1" * 99}, method=zipfile.ZIP_BZIP2)

    assert b"1" * 99 not in [item.content for item in read(encrypted) + read(in_bzip2)]
    assert read(in_bzip2)[0].content.startswith(b"BZh")


def test_an_archive_in_an_archive_is_an_item() -> None:
    assert read(a_zip({"inner.zip": a_zip()})) == [JobItem("inner.zip", a_zip())]


def test_an_item_that_is_too_large_keeps_its_place_and_nothing_else() -> None:
    small = replace(LIMITS, max_item_bytes=10)

    assert read(a_zip(), small) == [
        JobItem("seven.png", b"seven"),
        JobItem("a/eight.png", b"", 5000),
        JobItem("a/none", b""),
    ]


def test_a_bomb_is_refused_by_what_it_says_and_by_what_it_does() -> None:
    bomb = a_zip({f"{it}": bytes(90_000) for it in range(20)})
    with pytest.raises(MalformedArchive, match="unpacks to more"):
        read(bomb)

    liar = bytearray(a_zip({"a": bytes(90_000)}))
    struct.pack_into("<L", liar, liar.find(b"PK\x01\x02") + 24, 10)
    with pytest.raises(MalformedArchive, match="damaged"):
        read(bytes(liar))


def test_the_ratio_is_bounded() -> None:
    limits = UnpackLimits.of(1000, max_items=5, max_bytes=10**12, max_item_bytes=10)

    assert limits.max_bytes == 64 * 1024 * 1024 + 200_000


def test_more_members_than_there_may_be_are_refused() -> None:
    with pytest.raises(MalformedArchive, match="more than 1000 members"):
        read(a_zip({f"folder{it}/": b"" for it in range(1001)}))


@pytest.mark.no_cover  # of so many rounds the tracing would take most of the time
def test_of_a_hundred_thousand_members_the_first_is_here_before_the_others_are_read() -> None:
    archive = a_zip({"a.txt": b"x"}, method=zipfile.ZIP_STORED)
    at, end = archive.find(b"PK\x01\x02"), archive.rfind(b"PK\x05\x06")
    tail = bytearray(archive[end:])
    struct.pack_into("<L", tail, 12, (end - at) * 100_000)
    file = Counting(archive[:at] + archive[at:end] * 100_000 + bytes(tail))

    items = zip_items(file, replace(LIMITS, max_members=100_000))

    assert next(items) == JobItem("a.txt", b"x")
    assert file.read_bytes < 1024 * 1024
    assert sum(len(item.content) for item in items) == 99_999


@pytest.mark.parametrize("archive", [b"", b"no zip" * 99, b"PK\x05\x06", a_zip()[:-30]])
def test_what_is_no_zip_is_told(archive: bytes) -> None:
    with pytest.raises(MalformedArchive):
        read(archive)


def changed(archive: bytes, signature: bytes, at: int, number: int) -> bytes:
    other = bytearray(archive)
    struct.pack_into("<L", other, other.rfind(signature) + at, number)
    return bytes(other)


def test_damage_is_found() -> None:
    stored = a_zip({"a": b"1234567890"}, method=zipfile.ZIP_STORED)
    deflated = a_zip({"a": b"1234567890" * 20})
    parts = bytearray(stored)
    struct.pack_into("<H", parts, parts.rfind(b"PK\x05\x06") + 4, 1)
    for archive in (
        stored.replace(b"1234567890", b"1234567891"),
        deflated[:31] + b"\xff" * 8 + deflated[39:],
        stored.replace(b"PK\x03\x04", b"PK\x03\x05"),
        stored.replace(b"PK\x01\x02", b"PK\x01\x03"),
        bytes(parts),
        changed(deflated, b"PK\x01\x02", 24, 20),
        changed(deflated, b"PK\x01\x02", 42, len(deflated)),
        changed(deflated, b"PK\x05\x06", 12, 60),
    ):
        with pytest.raises(MalformedArchive):
            read(archive)


@given(st.data())
def test_whatever_is_changed_nothing_else_is_raised(data: st.DataObject) -> None:
    archive = bytearray(a_zip({"a": b"1" * 50, "b/": b"", "c": b"23"}))
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedArchive):
        read(bytes(archive))
